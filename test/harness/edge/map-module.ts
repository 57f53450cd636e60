import { serve } from '../serve.ts'

/** An entry of a map, as modules write it. */
export type MapEntry = {
  SourceField: string
  DataType: string
  MeasurementName: string
  source_measurement_id?: number
}

export const mapEntry = (SourceField: string, DataType: string, source_measurement_id?: number): MapEntry => ({
  ...{ SourceField, DataType, MeasurementName: SourceField },
  ...(source_measurement_id !== undefined && { source_measurement_id }),
})

/** A module that answers to /initialize with a map of these entries, which a test may change. Its address. */
export function serveMap(Source: string, Mappings: readonly MapEntry[]): Promise<string> {
  return serve(
    (_, response) => void response.end(JSON.stringify({ frequency: 'daily', normalization_map: { Source, Mappings } })),
  )
}
