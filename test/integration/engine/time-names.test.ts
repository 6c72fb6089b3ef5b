// Names of months and days in the language of the session. The expectations are MySQL 9.7's answers, but for generated columns, which mean the
// same on every node.
import { dialectTests } from './support.ts';

dialectTests({
  'DATE_FORMAT, DAYNAME and MONTHNAME speak the language of lc_time_names': [
    ["SET lc_time_names = 'DE_de'", 0],
    ['SELECT @@lc_time_names', [['de_DE']]],
    ["SELECT date_format('2001-03-01', '%W %a %M %b'), dayname('2001-03-04')", [['Donnerstag Do März Mär', 'Sonntag']]],
    ["SELECT monthname('2001-05-00'), date_format('2001-05-00', '%W')", [['Mai', null]]],
    ["SELECT str_to_date('March 1 2001', '%M %d %Y'), str_to_date('März 1 2001', '%M %d %Y')", [['2001-03-01', null]]],
    ['SET lc_time_names = 109', 0],
    ["SELECT @@lc_time_names, dayname('2001-01-01')", [['el_GR', 'Δευτέρα']]],
    ["SET lc_time_names = 'de_XX'", 'E1649'],
    ['SET lc_time_names = 111', 'E1649'],
    ['SET lc_time_names = NULL', 'E1231'],
    ['SET lc_time_names = en_GB', 0],
    ["SELECT date_format('2001-03-01', '%W %a %M %b')", [['Thursday Thu March Mar']]],
  ],
  'columns that are generated speak one language': [
    [
      "CREATE TABLE t (d date, m varchar(20) AS (date_format(d, '%M')), w int AS (week(d)), CHECK (dayname(d) <> 'Sunday'))",
      0,
    ],
    ["SET lc_time_names = 'fr_FR', default_week_format = 1", 0],
    ["INSERT INTO t (d) VALUES ('2001-02-01')", 1],
    ["INSERT INTO t (d) VALUES ('2001-02-04')", 'E3819'],
    ['SELECT m, monthname(d), w, week(d) FROM t', [['February', 'février', '4', '5']]],
  ],
});
