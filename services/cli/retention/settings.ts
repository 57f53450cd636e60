import { z } from 'zod'
import { firestoreSettings } from '#runtime/firestore/settings.ts'
import { ledgerSettings, postgresSettings } from '#runtime/process/settings.ts'
import { leastDays, retentionClasses } from '#schemas/retention-classes.ts'

/** Days for which `npx parma retention run` keeps each class; unset: for ever. */
export const retentionSettings = Object.fromEntries(
  retentionClasses
    .filter(({ prunedBy }) => prunedBy === 'command')
    .map(({ setting, holds, note }) => [
      setting!,
      z.coerce
        .number()
        .int()
        .min(leastDays, `keep at least ${leastDays} days: until then a record may come again`)
        .max(36_500)
        .optional()
        .describe(
          `Days after which \`npx parma retention run\` deletes ${holds}. Unset: they are kept for ever. At least ${leastDays}. ${note}`,
        ),
    ]),
)

/** What `npx parma retention` reads. */
export const shape = { ...postgresSettings, ...firestoreSettings, ...ledgerSettings, ...retentionSettings }
export type RetentionConfig = z.output<z.ZodObject<typeof shape>>
