// Words of the list of rules, which is loaded apart from the console's first paint.

import { wordsOf } from '../i18n/own'

const zh = {
  'rules.filter': '按名称、编号、场景或技术筛选',
  'rules.ready': '{count} 条规则正在判断，{waiting} 条尚不能完全判断',
  'rules.only': '只看尚不能判断的',
  'rules.case': '场景',
  'rules.seen': '可见于',
  'seen.provider': '系统自身日志',
  'seen.caller': '调用方日志',
  'seen.gateway': '网关',
  'seen.network': '网络',
  'seen.host': '主机',
  'seen.reconciliation': '对账文件',
  'seen.platform': '平台自身记录',
  'why.no_source': '没有收到日志：{names}',
  'why.no_register': '台账未导入：{names}',
  'why.no_geo': '没有地理数据文件',
  'why.warming_up': '基线学习中，至 {until}',
  'why.warming_up.open': '基线学习中',
  'rules.none': '没有符合的规则',
} as const

const en: Record<keyof typeof zh, string> = {
  'rules.filter': 'Filter by name, id, use case or technique',
  'rules.ready': '{count} rules judge, {waiting} cannot judge wholly yet',
  'rules.only': 'Only those that cannot judge yet',
  'rules.case': 'Use case',
  'rules.seen': 'Seen in',
  'seen.provider': "the system's own log",
  'seen.caller': "callers' logs",
  'seen.gateway': 'the gateway',
  'seen.network': 'the network',
  'seen.host': 'the host',
  'seen.reconciliation': 'reconciliation files',
  'seen.platform': "the platform's own records",
  'why.no_source': 'No such log arrives: {names}',
  'why.no_register': 'Register not imported: {names}',
  'why.no_geo': 'No geo data file',
  'why.warming_up': 'Baseline is learning until {until}',
  'why.warming_up.open': 'Baseline is learning',
  'rules.none': 'No rule matches',
}

export const { t: tr, word: ruleWord } = wordsOf(zh, en)
