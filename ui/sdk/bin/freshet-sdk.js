#!/usr/bin/env node
// Not in dist: npm links it when it installs the workspace, and dist is built after that.
import '../dist/bin/main.js'
