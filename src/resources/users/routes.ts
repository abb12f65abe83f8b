import { crudRoutes } from '../../http/crud'
import { User, UserCreate, UserQuery, UserUpdate } from './schema'
import { userService } from './service'

/** `/v1/admin/users` */
export const adminUserRoutes = crudRoutes({
  kind: 'user',
  name: 'user',
  read: User,
  create: UserCreate,
  update: UserUpdate,
  query: UserQuery,
  service: userService,
})
