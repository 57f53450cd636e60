import { z } from 'zod'
import { assetParams, findAsset } from '../design/assets.ts'
import { validate } from '../http/validation.ts'
import type { Route } from './route.ts'

/** GET /assets/{file}: the style sheet, the script and the icon of pages. */
export const assetRoute: Route = {
  method: 'get',
  path: '/assets/:file',
  role: 'anyone',
  doc: {
    summary: 'The style sheet, the script or the icon of pages.',
    params: assetParams,
    responses: {
      200: { description: 'The file.', schema: z.string(), contentType: 'text/css; charset=utf-8' },
      404: { description: 'No file has this name.' },
    },
  },
  handle: ({ params }) => findAsset(validate(assetParams, params, 'path').file),
}
