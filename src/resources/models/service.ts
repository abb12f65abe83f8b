import type { Ctx } from '../../context'
import { listEmbeddingModels, listModels } from '../../models'
import { ownEmbeddings, ownModels } from '../providers/models'
import type { EmbeddingModel, Model, ModelQuery } from './schema'

/** The models that a caller can use: those of the deployment as it is configured, then those of the organization's own providers. */
export const modelService = {
  async list(ctx: Ctx, query: ModelQuery): Promise<Model[]> {
    const { provider_category, provider_name, provider_type } = query
    const ai = ctx.env.AI
    const [base, own] = await Promise.all([listModels(ctx.config, ai ? { ai } : {}), ownModels(ctx)])
    return [...base, ...own].filter(
      (model) =>
        (provider_category === undefined || provider_category.includes(model.provider_category)) &&
        (provider_name === undefined || model.provider_name === provider_name) &&
        (provider_type === undefined || model.provider_type === provider_type),
    )
  },

  async embeddings(ctx: Ctx): Promise<EmbeddingModel[]> {
    return [...listEmbeddingModels(ctx.config, ctx.env.AI), ...(await ownEmbeddings(ctx))]
  },
}
