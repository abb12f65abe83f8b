import { crudRoutes } from '../../http/crud'
import { Organization, OrganizationCreate, OrganizationQuery, OrganizationUpdate } from './schema'
import { organizationService } from './service'

/** `/v1/admin/orgs` */
export const adminOrganizationRoutes = crudRoutes({
  kind: 'organization',
  name: 'organization',
  read: Organization,
  create: OrganizationCreate,
  update: OrganizationUpdate,
  query: OrganizationQuery,
  service: organizationService,
})
