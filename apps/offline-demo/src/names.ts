/** The database that the broker of this device keeps everything in. */
export const database = 'fieldlist'

/** The link to the server. */
export const bridgeName = 'cloud'

/** What the service worker is woken by when something waits to be sent. */
export const syncTag = 'fieldlist:cloud'
