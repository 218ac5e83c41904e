export { mqtt } from './mqtt.ts'
export { defaultMqttOptions, type MqttOptions } from './options.ts'
