export { mqtt } from './mqtt.ts'
export { defaultMqttOptions, type MqttOptions } from './options.ts'
export { type RewriteFault, rewriteFault, type RewriteRule } from './rewrite.ts'
