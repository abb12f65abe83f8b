import type { App } from '../http/router'

/** Every REST resource by the path it is mounted at. Adding a resource is one line here and one folder beside it. */
export const resources: [path: string, routes: App][] = []

/** Resources of the operator, behind `ADMIN_KEY`. */
export const adminResources: [path: string, routes: App][] = []
