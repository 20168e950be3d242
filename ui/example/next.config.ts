import type { NextConfig } from 'next'

export default {
  poweredByHeader: false,
  agentRules: false,
  // The same machine under its other name.
  allowedDevOrigins: ['127.0.0.1'],
} satisfies NextConfig
