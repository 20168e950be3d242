export { createFreshetHandler, type FreshetHandlerOptions } from './handler.js'
