// What MySQL 9.7 refuses, with its error numbers.
import { dialectTests } from './support.ts';

dialectTests({
  'names of arguments are for functions of libraries': [
    ['SELECT abs(1 AS n)', 'E1583'],
    ['SELECT unknown_function(1 AS n)', 'E1584'],
    ['SELECT unknown_function(1)', 'E1305'],
  ],
  'QUALIFY is for the other optimizer': [
    ['CREATE TABLE t (a int)', 0],
    ['SELECT a FROM t QUALIFY row_number() OVER () = 1', 'E6037'],
    ['SELECT a FROM missing QUALIFY row_number() OVER () = 1', 'E1146'],
  ],
  'DEFAULT() of what has no constant default': [
    ['CREATE TABLE t (a int DEFAULT (1 + 1), b int NOT NULL)', 0],
    ['SELECT default(a) FROM t', 'E3773'],
    ['SELECT default(b) FROM t', 'E1364'],
  ],
  'a foreign key needs a unique key to refer to': [
    ['CREATE TABLE p (a int, b int, KEY (b))', 0],
    ['CREATE TABLE c (x int, FOREIGN KEY (x) REFERENCES p (a))', 'E6125'],
    ['CREATE TABLE c (x int, FOREIGN KEY (x) REFERENCES p (b))', 'E6125'],
  ],
  'storage engines that there are not': [
    ['SET default_storage_engine = nonsense', 'E1286'],
    ['SET default_tmp_storage_engine = nonsense', 'E1286'],
    ['SET default_storage_engine = NULL', 'E1231'],
  ],
});
