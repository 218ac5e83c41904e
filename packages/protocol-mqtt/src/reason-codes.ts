import type { BrokerError, ErrorCode } from '@isomq/kernel'
import type { ProtocolVersion } from './codec/packet.ts'
import { connackCodes as legalConnackCodes, ReasonCode } from './codec/reason-code.ts'

// A code that is new in the kernel breaks the build here until it has its numbers.
type Codes = Readonly<Record<ErrorCode, number>>

/** What the broker's refusals are called in DISCONNECT of MQTT 5.0 [MQTT-3.14.2-1], where a ban is an administrator's act. */
export const reasonCodes: Codes = {
  banned: ReasonCode.AdministrativeAction,
  'invalid-filter': ReasonCode.TopicFilterInvalid,
  'invalid-topic': ReasonCode.TopicNameInvalid,
  'not-authenticated': ReasonCode.NotAuthorized,
  'not-authorized': ReasonCode.NotAuthorized,
  'packet-too-large': ReasonCode.PacketTooLarge,
  'quota-exceeded': ReasonCode.QuotaExceeded,
  'rate-exceeded': ReasonCode.MessageRateTooHigh,
  'session-taken-over': ReasonCode.SessionTakenOver,
  'shutting-down': ReasonCode.ServerShuttingDown,
  'storage-failed': ReasonCode.UnspecifiedError,
  timeout: ReasonCode.KeepAliveTimeout,
  unavailable: ReasonCode.UnspecifiedError,
}

/** The same in PUBACK and PUBREC, which have fewer words [MQTT-3.4.2-1] [MQTT-3.5.2-1]. */
export const publishCodes: Codes = {
  ...reasonCodes,
  banned: ReasonCode.NotAuthorized,
  'invalid-filter': ReasonCode.TopicNameInvalid,
  'not-authenticated': ReasonCode.NotAuthorized,
  'packet-too-large': ReasonCode.ImplementationSpecificError,
  'rate-exceeded': ReasonCode.QuotaExceeded,
  'session-taken-over': ReasonCode.UnspecifiedError,
  'shutting-down': ReasonCode.UnspecifiedError,
  timeout: ReasonCode.UnspecifiedError,
}

/** The same in SUBACK [MQTT-3.9.3-2]. */
export const subscribeCodes: Codes = {
  ...reasonCodes,
  banned: ReasonCode.NotAuthorized,
  'invalid-topic': ReasonCode.TopicFilterInvalid,
  'packet-too-large': ReasonCode.ImplementationSpecificError,
  'rate-exceeded': ReasonCode.QuotaExceeded,
  'session-taken-over': ReasonCode.UnspecifiedError,
  'shutting-down': ReasonCode.UnspecifiedError,
  timeout: ReasonCode.UnspecifiedError,
}

/** The same in CONNACK [MQTT-3.2.2-8]. */
export const connackCodes: Codes = {
  ...reasonCodes,
  banned: ReasonCode.Banned,
  'not-authenticated': ReasonCode.BadUserNameOrPassword,
  'invalid-filter': ReasonCode.UnspecifiedError,
  'rate-exceeded': ReasonCode.ConnectionRateExceeded,
  'session-taken-over': ReasonCode.UnspecifiedError,
  'shutting-down': ReasonCode.ServerUnavailable,
  timeout: ReasonCode.UnspecifiedError,
  unavailable: ReasonCode.ServerUnavailable,
}

/**
 * A reason to end a connection as a CONNACK of this version says it, while none has gone out; undefined: there is none to
 * send. Whoever speaks a version we do not know is likeliest to understand the oldest answer [MQTT-3.1.2-2 of 3.1.1]; other
 * bytes that are no CONNECT get none [MQTT-3.1.4-1] [MQTT-3.1.4-1 of 3.1.1].
 */
export function refusalCode(version: ProtocolVersion | undefined, reason: number): number | undefined {
  if (version === 5) return legalConnackCodes.has(reason) ? reason : ReasonCode.UnspecifiedError // [MQTT-3.2.2-8]
  const known = version !== undefined || reason === ReasonCode.UnsupportedProtocolVersion
  return known ? returnCode3(reason) : undefined
}

/** The CONNACK return code of MQTT 3.x for a reason of MQTT 5.0; undefined where none applies: then there is no CONNACK [MQTT-3.2.2-6 of 3.1.1]. */
function returnCode3(reason: number): number | undefined {
  switch (reason) {
    case ReasonCode.Success:
      return 0
    case ReasonCode.UnsupportedProtocolVersion:
      return 1
    case ReasonCode.ClientIdentifierNotValid:
      return 2
    case ReasonCode.UnspecifiedError:
    case ReasonCode.ImplementationSpecificError:
    case ReasonCode.ServerUnavailable:
    case ReasonCode.ServerBusy:
    case ReasonCode.ServerShuttingDown:
    case ReasonCode.QuotaExceeded:
    case ReasonCode.UseAnotherServer:
    case ReasonCode.ServerMoved:
    case ReasonCode.ConnectionRateExceeded:
      return 3
    case ReasonCode.BadUserNameOrPassword:
      return 4
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
      return 5
    default:
      return undefined
  }
}

/** The code of a refusal, or of any other failure. */
export function codeOf(error: unknown): ErrorCode {
  return isBrokerError(error) ? error.code : 'unavailable'
}

/** Whether the broker refused; anything else that is thrown is a bug. */
export function isBrokerError(error: unknown): error is BrokerError {
  return error instanceof Error && error.name === 'BrokerError'
}
