export { type AnyTask, type ArtifactContent, task, type TaskContext, type TaskDefinition, type TaskFunction } from './definition.js'
export { TaskError, type TaskErrorOptions } from './error.js'
export { serve, type ServeOptions } from './serve.js'
