import { type EChartsOption, init } from 'echarts';

const WIDTH = 960;
const BAR = 24;
const PANEL = 260;
const ABOVE = 150;
const ABOVE_LINES = 100;
const BETWEEN = 46;
const colors = { ours: '#1f6feb', peer: '#8c959f', raw: '#d4a72c' } as const;

export interface Bar {
  readonly name: string;
  readonly role: keyof typeof colors;
  readonly value: number;
  readonly label: string;
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

interface Heading {
  readonly title: string;
  readonly lines: readonly string[];
  /** Whether all bars are on one axis in any case. */
  readonly oneAxis?: boolean;
}

/** Where kinds differ more than this, bars on one axis would be too short to be seen. */
const ONE_AXIS = 30;

/** Groups of bars below each other, as an SVG. Groups have an axis of their own where one would hide the small. */
export function barChart(heading: Heading, groups: readonly BarGroup[]): string {
  const highest = groups.map(({ bars }) => Math.max(...bars.map(({ value }) => value)));
  const shared = heading.oneAxis || Math.max(...highest) < ONE_AXIS * Math.min(...highest);
  const key = `blue: this package, grey: others, yellow: bare limits${shared ? '' : '; each group has an axis of its own'}`;
  const lines = [...heading.lines, key];
  let top = ABOVE;
  const tops = groups.map(({ bars }) => {
    const here = top;
    top += bars.length * BAR + BETWEEN;
    return here;
  });
  return render(top, {
    title: [titleOf({ ...heading, lines }), ...groups.map(({ name }, at) => subtitle(name, 16, tops[at] as number))],
    grid: groups.map(({ bars }, at) => ({ left: 350, right: 190, top: tops[at] as number, height: bars.length * BAR })),
    xAxis: highest.map((max, gridIndex) => ({
      gridIndex,
      type: 'value',
      max: shared ? Math.max(...highest) : max,
      show: false,
    })),
    yAxis: groups.map(({ bars }, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      data: bars.map(({ name }) => name),
      axisTick: { show: false },
      axisLabel: { fontSize: 12, interval: 0 },
    })),
    series: groups.map(({ bars }, at) => ({
      type: 'bar',
      xAxisIndex: at,
      yAxisIndex: at,
      barWidth: '70%',
      data: bars.map(({ value, role, label }) => ({
        value,
        itemStyle: { color: colors[role] },
        label: { show: true, position: 'right', formatter: label },
      })),
    })),
  });
}

export interface Panel {
  readonly name: string;
  /** In the order of the axis; their distances are equal whatever they say. */
  readonly points: readonly string[];
  /** By line; absent where a point was not measured. */
  readonly lines: Readonly<Record<string, readonly (number | undefined)[]>>;
}

/** Panels of lines, two beside each other, as an SVG. The upright axes are logarithmic. */
export function lineChart(heading: Heading, unit: string, panels: readonly Panel[]): string {
  const left = (at: number) => (at % 2 === 0 ? 70 : WIDTH / 2 + 60);
  const top = (at: number) => ABOVE_LINES + 30 + Math.floor(at / 2) * (PANEL + 30);
  const names = [...new Set(panels.flatMap(({ lines }) => Object.keys(lines)))];
  return render(ABOVE_LINES + Math.ceil(panels.length / 2) * (PANEL + 30) + 20, {
    title: [titleOf(heading), ...panels.map(({ name }, at) => subtitle(`${name}, ${unit}`, left(at) - 40, top(at)))],
    legend: { data: names, top: 10, right: 16 },
    color: ['#1f6feb', '#cf222e', '#1a7f37'],
    grid: panels.map((_, at) => ({ left: left(at), width: WIDTH / 2 - 110, top: top(at), height: PANEL - 70 })),
    xAxis: panels.map(({ points }, gridIndex) => ({ gridIndex, type: 'category', data: [...points] })),
    yAxis: panels.map((_, gridIndex) => ({ gridIndex, type: 'log' })),
    series: panels.flatMap(({ lines }, at) =>
      names.map((name) => ({
        type: 'line',
        name,
        xAxisIndex: at,
        yAxisIndex: at,
        data: (lines[name] ?? []).map((value) => value ?? '-'),
      })),
    ),
  });
}

function titleOf({ title, lines }: Heading) {
  return { text: title, subtext: lines.join('\n'), left: 16, top: 10, subtextStyle: { fontSize: 11, lineHeight: 14 } };
}

function subtitle(text: string, left: number, top: number) {
  return { text, left, top: top - 26, textStyle: { fontSize: 13 } };
}

function render(height: number, option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
