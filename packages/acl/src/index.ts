export { Acl, type Subject } from './acl.ts'
export { type MosquittoAcl, readMosquittoAcl } from './mosquitto-file.ts'
export { type AclRule, ruleFault } from './rule.ts'
