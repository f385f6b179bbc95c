import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { chartColors } from './colors.ts'
import { number } from './format.ts'
import { figure, type Measurement, type Quantity, type Results, type Row, type Subject, warnings } from './results.ts'

type Panel = Extract<TopLevelSpec, { concat: unknown }>['concat'][number]
type Colors = ReadonlyMap<string, string>

/** Pixels: the plot of a panel, and the room at its left for the names of runtimes. */
const PLOT = 340
const NAMES = 190
const BAR = 17
/** Bars leave this part of the width to the numbers behind them. */
const NUMBERS = 0.24

const INK = '#24292f'
const FAINT = '#57606a'

/** All measurements as one picture, a panel each: SVG text. */
export async function chart(results: Results): Promise<string> {
  const view = new View(parse(compile(picture(results)).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  // Hundredths of a pixel are enough.
  return `${svg.replace(/\d+\.\d{3,}/g, digits => String(Math.round(Number(digits) * 100) / 100))}\n`
}

function picture(results: Results): TopLevelSpec {
  const { facts, measurements } = results
  const measured = measurements.filter(
    ({ unavailable, id }) => unavailable === undefined && !isRepetition(id, measurements),
  )
  const colors = chartColors(subjectsOf(measured))
  const { date, kernel, cpu, cores, virtualised } = facts
  return {
    title: {
      text: 'tsrun beside other container runtimes',
      subtitle: [
        `${date.slice(0, 10)}, Linux ${kernel}, ${cpu}, ${cores} cores, ${virtualised === 'no' ? 'no virtual machine' : 'virtual machine'}`,
        'Medians, with a line from the 10th to the 90th percentile of the samples; sums where the title has a number of runs.',
        ...warnings(results).map(warning => `Warning: ${warning}`),
      ],
      anchor: 'start',
      fontSize: 18,
      subtitleFontSize: 12,
      subtitleColor: FAINT,
      subtitlePadding: 7,
      offset: 22,
    },
    background: 'white',
    padding: 20,
    config: {
      font: 'DejaVu Sans, Helvetica, Arial, sans-serif',
      view: { stroke: null },
      title: { fontSize: 13, color: INK, anchor: 'start', frame: 'group', dx: -NAMES, offset: 10 },
      axis: { labelColor: INK, titleColor: FAINT, titleFontWeight: 'normal', gridColor: '#eaeef2', labelFontSize: 11 },
    },
    columns: 2,
    spacing: { row: 36, column: 40 },
    concat: panels(measured).map(panel =>
      panel[0]!.series === undefined ? bars(panel[0]!, colors) : lines(panel, colors),
    ),
    resolve: { scale: { color: 'independent', x: 'independent', y: 'independent' } },
  }
}

/** The floor has a point of its own, but is in the picture of `run` as well. */
function isRepetition(id: string, measurements: readonly Measurement[]): boolean {
  return id === 'floor' && measurements.some(measurement => measurement.id === 'run')
}

/** Measurements of one series share a panel; others stand alone, and come first. */
function panels(measurements: readonly Measurement[]): Measurement[][] {
  const name = ({ series, id }: Measurement) => series?.title ?? id
  const ordered = [...measurements.filter(({ series }) => !series), ...measurements.filter(({ series }) => series)]
  return [...new Set(ordered.map(name))].map(one => measurements.filter(measurement => name(measurement) === one))
}

function subjectsOf(measurements: readonly Measurement[]): Subject[] {
  const subjects = measurements.flatMap(({ rows }) => rows.map(({ subject }) => subject))
  return [...new Map(subjects.map(subject => [subject.name, subject])).values()]
}

/** Without the backquotes of text. */
function plain(text: string): string {
  return text.replaceAll('`', '')
}

function unitTitle({ unit, better }: Quantity): string {
  return `${unit}, ${better} is better`
}

/** The middle of the samples; a sum has no spread of its own. */
function spread({ figure: which }: Quantity, { outcome }: Row): { low?: number; high?: number } {
  return 'stats' in outcome && which === 'median' ? { low: outcome.stats.p10, high: outcome.stats.p90 } : {}
}

/** What is drawn for one runtime in a panel of bars. */
function barOf(measurement: Measurement, row: Row, colors: Colors) {
  const { subject, outcome } = row
  const known = figure(measurement, row)
  const value = known ?? 0
  const { low, high } = spread(measurement, row)
  const text = known === undefined ? ('failure' in outcome ? 'failed' : 'skipped') : number(known)
  const own = subject.kind === 'tsrun'
  return {
    label: subject.label,
    value,
    low,
    high,
    end: Math.max(value, high ?? 0),
    text,
    own,
    color: colors.get(subject.name),
  }
}

function bars(measurement: Measurement, colors: Colors): Panel {
  const values = measurement.rows.map(row => barOf(measurement, row, colors))
  const most = Math.max(...values.map(({ end }) => end)) || 1
  const y = { field: 'label', type: 'nominal', sort: null, axis: nameAxis(values) } as const
  const x = {
    type: 'quantitative',
    title: unitTitle(measurement),
    scale: { domainMin: 0, domainMax: most / (1 - NUMBERS), nice: false },
    axis: { tickCount: 5, format: most >= 10_000 ? '~s' : '~f' },
  } as const
  const numbers = (own: boolean) => ({
    transform: [{ filter: `datum.own == ${own}` }],
    mark: {
      type: 'text' as const,
      align: 'left' as const,
      dx: 6,
      fontSize: 11,
      color: INK,
      fontWeight: own ? ('bold' as const) : ('normal' as const),
    },
    encoding: { y, x: { field: 'end', ...x }, text: { field: 'text' } },
  })
  return {
    title: plain(measurement.title),
    width: PLOT,
    height: { step: BAR + 7 },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: BAR, cornerRadiusEnd: 2 },
        encoding: { y, x: { field: 'value', ...x }, color: { field: 'color', type: 'nominal', scale: null } },
      },
      {
        transform: [{ filter: 'isValid(datum.low)' }],
        mark: { type: 'rule', color: INK, strokeWidth: 1.5 },
        encoding: { y, x: { field: 'low', ...x }, x2: { field: 'high' } },
      },
      numbers(true),
      numbers(false),
    ],
  }
}

/** The names of tsrun stand out. */
function nameAxis(values: readonly { label: string; own: boolean }[]) {
  const own = JSON.stringify(values.filter(value => value.own).map(({ label }) => label))
  return {
    title: null,
    labelLimit: 0,
    ticks: false,
    domain: false,
    labelPadding: 8,
    labelFontWeight: { condition: { test: `indexof(${own}, datum.label) >= 0`, value: 'bold' }, value: 'normal' },
  } as const
}

/** What is drawn for one runtime at one place of a panel of lines; nothing after a failure. */
function pointsOf(measurement: Measurement) {
  return measurement.rows.flatMap(row => {
    const value = figure(measurement, row)
    const { label, kind } = row.subject
    if (value === undefined) return []
    return [{ x: measurement.series!.x, value, ...spread(measurement, row), label, own: kind === 'tsrun' }]
  })
}

/** One line per runtime over the variable of the series, with their names where bars have them. */
function lines(measurements: readonly Measurement[], colors: Colors): Panel {
  const first = measurements[0]!
  const values = measurements.flatMap(pointsOf)
  const shown = first.rows
    .map(({ subject }) => subject)
    .filter(({ label }) => values.some(value => value.label === label))
  const color = {
    field: 'label',
    type: 'nominal',
    sort: null,
    scale: { domain: shown.map(({ label }) => label), range: shown.map(({ name }) => colors.get(name)!) },
    legend: {
      title: null,
      orient: 'none',
      legendX: -NAMES,
      legendY: 0,
      symbolOpacity: 1,
      labelLimit: 0,
      labelFontSize: 11,
      symbolType: 'stroke',
      symbolStrokeWidth: 3,
    },
  } as const
  const x = {
    type: 'quantitative',
    title: plain(first.series!.axis),
    axis: { values: measurements.map(({ series }) => series!.x), grid: false, format: '~f' },
  } as const
  const y = { type: 'quantitative', title: unitTitle(first), scale: { zero: true }, axis: { tickCount: 5 } } as const
  return {
    title: plain(first.series!.title),
    width: PLOT,
    height: 190,
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.5 },
        encoding: { x: { field: 'x', ...x }, y: { field: 'low', ...y }, y2: { field: 'high' }, color },
      },
      {
        mark: { type: 'line', point: { size: 30, filled: true } },
        encoding: {
          x: { field: 'x', ...x },
          y: { field: 'value', ...y },
          color,
          strokeWidth: { condition: { test: 'datum.own', value: 3 }, value: 1.5 },
        },
      },
    ],
  }
}
