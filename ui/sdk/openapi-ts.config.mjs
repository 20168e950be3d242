// What src/api is generated from the server's description. Streams are left out: the generated client
// takes a clean close for the end, so subscribe() reads them instead.
import { defineConfig } from '@hey-api/openapi-ts'

export default defineConfig({
  input: '../../api/openapi.json',
  logs: { file: false, level: 'silent' },
  output: {
    path: 'src/api',
    importFileExtension: '.js',
    module: { extension: '.js' },
    fileName: { suffix: '' },
  },
  parser: {
    filters: {
      operations: { exclude: ['/^GET .*\\/stream$/'] },
      orphans: true,
    },
  },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
})
