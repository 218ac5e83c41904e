import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { attach } from './connection.ts'
// oxlint-disable-next-line import/no-unassigned-import -- it is all the style there is
import './style.css'

createRoot(document.querySelector('#app')!).render(<App />)
attach()
if (import.meta.env.PROD) void navigator.serviceWorker?.register('./sw.js').catch(() => {})
