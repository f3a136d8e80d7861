/**
 * One chart as finished SVG: echarts draws it here in Node, so that the page needs no script and no network. Colours
 * are the page's own variables, so that a chart follows the reader's light or dark theme.
 */

import { init, type EChartsOption } from 'echarts';

const WIDTH = 860;
const HEIGHT = 380;

export const COLOURS = {
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  line: 'var(--line)',
  run: 'var(--run)',
  reference: 'var(--reference)',
  band: 'var(--band)',
};

const TEXT = { color: COLOURS.ink, fontSize: 13 };

/** What both axes of every chart share. */
export function axis(name: string, nameGap: number): object {
  return {
    name,
    nameGap,
    nameLocation: 'middle',
    nameTextStyle: TEXT,
    axisLabel: { ...TEXT, color: COLOURS.muted, hideOverlap: true },
    axisLine: { show: true, lineStyle: { color: COLOURS.muted } },
    axisTick: { lineStyle: { color: COLOURS.muted } },
    splitLine: { lineStyle: { color: COLOURS.line } },
    minorSplitLine: { show: false },
  };
}

/** @param title read out where the picture cannot be seen */
export function renderChart(title: string, option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'inherit' },
      grid: { left: 70, right: 30, top: 50, bottom: 60 },
      legend: { top: 0, textStyle: TEXT, itemGap: 36 },
      ...option,
    });
    const svg = chart.renderToSVGString({ useViewBox: true });
    return svg.replace('<svg ', `<svg role="img" aria-label="${title}" `);
  } finally {
    chart.dispose();
  }
}
