/** A refusal, as EMQX writes it: `{code, message}`. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** There is no such thing. */
export function notFound(code: string, message: string): ApiError {
  return new ApiError(404, code, message)
}

/** What was asked makes no sense. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BAD_REQUEST', message)
}
