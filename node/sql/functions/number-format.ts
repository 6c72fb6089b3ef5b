import type { Decimal } from '../types/index.ts';
import { formatDecimal } from '../values/index.ts';
import type { CallEnv } from './definition.ts';

/** How FORMAT writes numbers in a country. */
interface NumberLocale {
  readonly point: string;
  readonly separator: string;
  /** Digits of the groups from the right; the last goes on. */
  readonly groups: readonly number[];
}

const ENGLISH: NumberLocale = { point: '.', separator: ',', groups: [3] };
const GERMAN: NumberLocale = { point: ',', separator: '.', groups: [3] };
const PLAIN: NumberLocale = { point: ',', separator: '', groups: [] };
const SPACED: NumberLocale = { point: ',', separator: ' ', groups: [3] };
const INDIAN: NumberLocale = { point: '.', separator: ',', groups: [3, 2] };
const SWISS: NumberLocale = { point: '.', separator: "'", groups: [3] };

const list = (names: string, locale: NumberLocale): [string, NumberLocale][] =>
  names.split(' ').map((name) => [name, locale]);

const LOCALES: ReadonlyMap<string, NumberLocale> = new Map([
  ...list(
    'en_us en_gb en_au en_ca en_nz en_ph en_za en_zw ja_jp ko_kr zh_cn zh_tw zh_hk th_th he_il es_mx es_us',
    ENGLISH,
  ),
  ...list('de_de de_lu da_dk id_id nl_nl nl_be is_is tr_tr vi_vn es_ar es_cl es_co es_ec es_uy es_ve fo_fo', GERMAN),
  ...list(
    'fr_fr fr_be fr_ca fr_lu it_it pt_pt pt_br es_es pl_pl ca_es gl_es sl_si hr_hr de_at lt_lt eu_es el_gr',
    PLAIN,
  ),
  ...list('cs_cz sk_sk ru_ua sv_se sv_fi fi_fi et_ee nb_no no_no lv_lv', SPACED),
  ...list('en_in hi_in te_in ta_in', INDIAN),
  ...list('de_ch fr_ch it_ch', SWISS),
  ['rm_ch', { point: ',', separator: "'", groups: [3] }],
  ['sr_rs', { point: '.', separator: '', groups: [] }],
  ...list('hu_hu ro_ro ru_ru uk_ua be_by mk_mk', { point: ',', separator: '.', groups: [3] }),
]);

export function localeNamed(name: string, env: CallEnv): NumberLocale {
  const locale = LOCALES.get(name.toLowerCase());
  if (locale === undefined) env.warn('Warning', 1649, `Unknown locale: '${name}'`);
  return locale ?? ENGLISH;
}

export function formatNumber(value: Decimal, negative: boolean, locale: NumberLocale): string {
  const text = formatDecimal(value);
  const [whole = '', part] = text.replace('-', '').split('.');
  const groups: string[] = [];
  let end = whole.length;
  for (let i = 0; locale.separator !== '' && end > 0; i++) {
    const size = locale.groups[Math.min(i, locale.groups.length - 1)] as number;
    groups.unshift(whole.slice(Math.max(0, end - size), end));
    end -= size;
  }
  const grouped = groups.length > 0 ? groups.join(locale.separator) : whole;
  return (negative ? '-' : '') + grouped + (part === undefined ? '' : locale.point + part);
}
