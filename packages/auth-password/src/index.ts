export { hashPassword, isArgon2, parseHash, type PasswordHash, verifyPassword } from './password-hash.ts'
export { readPasswordFile, type PasswordFile } from './password-file.ts'
