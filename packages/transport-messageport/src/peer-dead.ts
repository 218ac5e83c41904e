/** Nobody has answered at the other end for so long that whoever was there is dead, or hangs. */
export class PeerDead extends Error {
  override readonly name: string = 'PeerDead'
}
