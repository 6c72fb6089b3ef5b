// AES in all its modes, and keys that functions derive. The expectations are MySQL 9.7's answers.
import { dialectTests } from './support.ts';

const encrypted = (iv: string): string => `SELECT hex(aes_encrypt('texte', 'k'${iv}))`;
const IV = ", '1234567890123456'";

dialectTests({
  'block_encryption_mode tells how AES_ENCRYPT encrypts': [
    [encrypted(''), [['41242F0A7C79B179246E606ABC2A7CB6']]],
    [encrypted(', NULL'), [['41242F0A7C79B179246E606ABC2A7CB6']]],
    [encrypted(IV), [['41242F0A7C79B179246E606ABC2A7CB6']]],
    ['SHOW WARNINGS', [['Warning', '1618', '<IV> option ignored']]],
    ["SELECT aes_decrypt(aes_encrypt('texte', 'k'), 'x'), aes_encrypt(NULL, 'k')", [[null, null]]],
    ["SET block_encryption_mode = 'aes-256-ecb'", 0],
    [encrypted(''), [['86DEE440F1A33BC807C97843225C5832']]],
    ["SET block_encryption_mode = 'aes-192-cfb128'", 0],
    [encrypted(IV), [['273F6717AF']]],
    ["SET block_encryption_mode = 'aes-192-cfb1'", 0],
    [encrypted(IV), [['4D57E82544']]],
    ["SET block_encryption_mode = 'AES-128-OFB'", 0],
    [encrypted(IV), [['81972435EA']]],
    ["SET block_encryption_mode = 'aes-256-cbc'", 0],
    [`SELECT aes_decrypt(aes_encrypt('t', 'k'${IV}), 'k'${IV})`, [['t']]],
    [encrypted(''), 'E1582'],
    [encrypted(', NULL'), 'E1882'],
    [encrypted(", 'short'"), 'E1882'],
    ["SET block_encryption_mode = 'aes-512-cbc'", 'E1231'],
  ],
  'generated columns keep to one mode': [
    ["CREATE TABLE t (a varchar(9), b varbinary(16) AS (aes_encrypt(a, 'k')))", 0],
    ["SET block_encryption_mode = 'aes-256-ecb'", 0],
    ["INSERT INTO t (a) VALUES ('texte')", 1],
    ['SELECT hex(b) FROM t', [['41242F0A7C79B179246E606ABC2A7CB6']]],
    ["SET block_encryption_mode = 'aes-128-ecb'", 0],
  ],
  'keys that HKDF and PBKDF2 derive': [
    ["SELECT hex(aes_encrypt('t', 'key', '', 'hkdf'))", [['248D60C8277ACBDEC4D7CD0583C6DA2C']]],
    ["SELECT hex(aes_encrypt('t', 'key', '', 'hkdf', 'salt', 'info'))", [['1DAA8FC00057C55FD0EB999C4FB7DB02']]],
    ["SELECT hex(aes_encrypt('t', 'key', '', 'pbkdf2_hmac'))", [['C94F4123C8348FECC76C1F004B815A8F']]],
    ["SELECT hex(aes_encrypt('t', 'key', '', 'pbkdf2_hmac', 'salt', 2000))", [['E64BFEB62018975C76160B367F160CDD']]],
    ["SELECT aes_decrypt(aes_encrypt('t', 'key', '', 'hkdf', 's'), 'key', '', 'hkdf', 's')", [['t']]],
    ["SELECT aes_encrypt('t', 'key', '', 'HKDF')", 'E3235'],
    ["SELECT aes_encrypt('t', 'key', '', NULL)", 'E3238'],
    ["SELECT aes_encrypt('t', 'key', '', 'hkdf', repeat('x', 256))", 'E3238'],
    ["SELECT aes_encrypt('t', 'key', '', 'pbkdf2_hmac', 's', 999)", 'E3236'],
    ["SELECT aes_encrypt('t', 'key', '', 'hkdf', 's', 'i', 'j')", 'E1582'],
  ],
});
