export {
  algorithms,
  type JwtAlgorithm,
  type JwtOptions,
  jwtAuthenticator,
  type JwtIdentity,
  jwtVerifier,
  type VerifyJwt,
} from './jwt.ts'
