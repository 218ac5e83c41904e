import { type ReactElement, type RefObject, useState } from 'react'
import { rename } from './connection.ts'
import { device, ownServer } from './device.ts'
import { Icon } from './icons.tsx'
import { useStore } from './store.ts'

/** Who you are, which server it is, and where the broker runs. */
export function Settings({ dialog }: { readonly dialog: RefObject<HTMLDialogElement | null> }): ReactElement {
  const name = useStore((state) => state.name)
  const host = useStore((state) => state.host)
  const error = useStore((state) => state.link?.error)
  const [server, setServer] = useState(device.server)
  const [fault, setFault] = useState<string>()
  const takeServer = (): void => {
    if (server === device.server) return
    if (server !== '' && !/^wss?:\/\/[^\s/]+/.test(server)) return setFault('It begins with ws:// or wss://')
    device.server = server
    // A worker is made for one server: the page begins anew with another.
    location.reload()
  }
  return (
    <dialog ref={dialog} className="settings" aria-labelledby="settings-title">
      <header>
        <h2 id="settings-title">This device</h2>
        <form method="dialog">
          <button type="submit" className="quiet" aria-label="Close">
            <Icon name="close" />
          </button>
        </form>
      </header>
      <label>
        Your name
        <input value={name} maxLength={40} onChange={(event) => rename(event.target.value)} />
      </label>
      <label>
        Server
        <input
          value={server}
          inputMode="url"
          placeholder={ownServer()}
          aria-invalid={fault !== undefined}
          onChange={(event) => {
            setServer(event.target.value)
            setFault(undefined)
          }}
        />
      </label>
      {fault !== undefined && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      {server !== device.server && (
        <button type="button" className="primary" onClick={takeServer}>
          Use this server
        </button>
      )}
      <dl>
        <dt>The broker runs</dt>
        <dd>{host}</dd>
        <dt>Last trouble with the server</dt>
        <dd>{error ?? 'none'}</dd>
      </dl>
    </dialog>
  )
}
