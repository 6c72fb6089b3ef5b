// Damage to a data folder: what the log can mend is mended, what it cannot is refused in one line.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Connection } from 'mysql2/promise';
import mysql from 'mysql2/promise';
import { finish } from '../../../node/consistency/index.ts';
import { decodeEntry, encodeEntryRecord, hex, segmentName, type ChainHead } from '../../../node/log/index.ts';
import {
  LogDamagedError,
  LogStore,
  readLog,
  verifyLog,
  type Identity,
  type LogBase,
} from '../../../node/store/index.ts';
import { makeChain, makeIdentity, makeSegment } from '../../support/log.ts';
import { ROOT_PASSWORD } from '../../support/node.ts';
import { runProgram, startProgram, type Program } from '../../support/process.ts';

const temporary: string[] = [];
after(() => {
  for (const dir of temporary) rmSync(dir, { recursive: true, force: true });
});
function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'p2pdb-log-'));
  temporary.push(dir);
  return dir;
}

describe('a log folder', () => {
  const identity = makeIdentity();
  const chain = makeChain(identity, 9);
  const records = chain.map((e) => e.record);
  let dir = '';

  /** Segments that begin with these entries. */
  function write(at: readonly number[], all: readonly Uint8Array[] = records): void {
    at.forEach((first, i) => {
      writeFileSync(
        path.join(dir, segmentName(i + 1)),
        makeSegment(all.slice(first - 1, (at[i + 1] ?? all.length + 1) - 1)),
      );
    });
  }
  const append = (log: LogStore, ...transactions: Uint8Array[]): void =>
    log.append([finish(log.seal(transactions, 5000, 0, [])).item]);
  const open = (as: Identity = identity): LogStore => LogStore.open(dir, 'main', as);
  const refused = (match: RegExp, as?: Identity): void => {
    const files = readdirSync(dir).map((f) => readFileSync(path.join(dir, f)));
    assert.throws(
      () => open(as),
      (error) => error instanceof LogDamagedError && match.test(error.message),
    );
    assert.deepEqual(
      readdirSync(dir).map((f) => readFileSync(path.join(dir, f))),
      files,
      'nothing is changed',
    );
  };

  beforeEach(() => {
    dir = folder();
  });

  it('is read, verified and appended to', () => {
    write([1, 4, 8]);
    assert.deepEqual(
      [...readLog(dir)].map((e) => e.kind === 'entry' && e.entry.seq),
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    const log = open();
    assert.deepEqual(
      log.read(log.author, 3, 7, 1 << 20).map((e) => decodeEntry(e.body).seq),
      [3, 4, 5, 6, 7],
    );
    append(log, Uint8Array.of(1));
    assert.equal(log.seq, 10);
    assert.deepEqual(log.read(log.author, 10, 20, 1).length, 1);
    log.close();
    const again = open();
    assert.equal(again.seq, 10);
    again.close();
    const { entries, fault } = verifyLog(dir);
    assert.deepEqual([entries, fault], [10, undefined]);
  });

  it('loses a torn tail, and only that', () => {
    const last = records[8]?.length ?? 0;
    for (const cut of [1, 40, last - 80, last - 1]) {
      write([1, 4]);
      truncateSync(path.join(dir, segmentName(2)), 16 + records.slice(3).reduce((n, r) => n + r.length, 0) - cut);
      const torn: number[] = [];
      const log = LogStore.open(dir, 'main', identity, { onTorn: (_segment, offset) => torn.push(offset) });
      assert.equal(log.seq, 8);
      assert.deepEqual(torn, [16 + records.slice(3, 8).reduce((n, r) => n + r.length, 0)]);
      append(log);
      assert.equal(log.seq, 9);
      log.close();
      assert.equal(verifyLog(dir).fault, undefined);
    }
  });

  it('goes on behind a segment of which not even the header was written', () => {
    write([1, 4]);
    writeFileSync(path.join(dir, segmentName(3)), 'P2P');
    const log = open();
    append(log);
    assert.equal(log.seq, 10);
    log.close();
    assert.equal(verifyLog(dir).entries, 10);
  });

  it('with a flipped byte is refused with the place', () => {
    write([1, 4]);
    const file = path.join(dir, segmentName(2));
    const bytes = readFileSync(file);
    const at = 16 + (records[3]?.length ?? 0);
    bytes[at + 100] = (bytes[at + 100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    refused(new RegExp(`0000000000000002\\.log is damaged at byte ${at}\\b`));
    assert.match(verifyLog(dir).fault ?? '', /damaged at byte/);
  });

  it('cut short in a segment that others follow is refused', () => {
    write([1, 4, 8]);
    truncateSync(path.join(dir, segmentName(2)), 16 + (records[3]?.length ?? 0) + 20);
    refused(/is damaged at byte/);
  });

  it('without one of its segments is refused', () => {
    write([1, 4, 8]);
    rmSync(path.join(dir, segmentName(2)));
    refused(/a segment is missing/);
    assert.match(verifyLog(dir).fault ?? '', /a segment is missing/);
  });

  it('with an entry of another history is refused', () => {
    const other = makeChain(identity, 9, 51);
    write([1], [...records.slice(0, 4), other[4]?.record ?? new Uint8Array(), ...records.slice(5)]);
    refused(/byte \d+: entry 5 fails the check of its prev/);
    assert.match(verifyLog(dir).fault ?? '', /entry 5 of \S+ fails the check of its prev/);
  });

  it('holds entries of several authors', () => {
    const foreign = makeChain(makeIdentity(), 9);
    write([1, 4], records.slice(0, 5).concat(foreign.map((e) => e.record)));
    const log = open();
    assert.deepEqual([...log.frontier().values()], [5, 9]);
    log.close();
    write([1], [...records.slice(0, 4), ...foreign.slice(4).map((e) => e.record)]);
    assert.match(verifyLog(dir).fault ?? '', /entry 5 of \S+ fails the check of its sequence/);
  });

  describe('that begins from a base', () => {
    const fifth = chain[4] as (typeof chain)[number];
    const base: LogBase = {
      height: 0,
      block: '',
      lamport: 1000,
      chains: [
        {
          author: hex(identity.author),
          key: hex(identity.publicKey),
          seq: 5,
          cid: hex(fifth.cid),
          lamport: fifth.entry.lamport,
        },
      ],
    };
    const reopen = (from: LogBase = base): LogStore => LogStore.open(dir, 'main', identity, { base: from });

    it('is pruned by whole segments, and goes on', () => {
      write([1, 4, 8]);
      const log = open();
      log.prune(base, 1 << 20);
      assert.equal(log.oldestSeq(log.author), 1, 'so much is kept');
      log.prune(base, 0);
      assert.deepEqual(readdirSync(dir), [segmentName(2), segmentName(3)]);
      assert.equal(log.oldestSeq(log.author), 4);
      assert.deepEqual(log.read(log.author, 2, 9, 1 << 20), []);
      assert.equal(log.read(log.author, 4, 9, 1 << 20).length, 6);
      log.close();
      const again = reopen();
      assert.deepEqual([again.seq, again.oldestSeq(again.author)], [9, 4]);
      append(again);
      assert.deepEqual([again.seq, again.chains.lamport], [10, 1001]);
      again.close();
      refused(/entry 4 fails the check of its sequence/);
    });

    it('needs none of what the base stands for', () => {
      write([1], records.slice(0, 2));
      const log = reopen();
      assert.deepEqual([log.seq, log.oldestSeq(log.author), log.read(log.author, 1, 9, 1 << 20).length], [5, 6, 0]);
      append(log);
      assert.equal(log.read(log.author, 6, 6, 1).length, 1);
      log.close();
      const again = reopen();
      assert.deepEqual([again.seq, again.oldestSeq(again.author)], [6, 6]);
      again.close();
    });

    it('is refused where it does not follow', () => {
      write([1], records.slice(6));
      assert.throws(() => reopen(), /entry 7 fails the check of its sequence/);
      write([1], records.slice(3));
      const [head] = base.chains as [ChainHead];
      const log = reopen({ ...base, chains: [{ ...head, cid: 'ff' }] });
      assert.deepEqual([log.seq, log.forked], [5, [log.author]], 'it was another tail that blocks ordered');
      log.close();
    });
  });

  it('with a signature that is not the author’s does not verify', () => {
    const other = makeIdentity();
    const forger: Identity = { ...identity, sign: (message) => other.sign(message) };
    const forged = makeChain(forger, 9);
    write([1], [...records.slice(0, 8), forged[8]?.record ?? new Uint8Array()]);
    assert.match(verifyLog(dir).fault ?? '', /entry 9 of \S+ fails the check of its signature/);
  });

  it('with a senseless signature before a good one verifies: the later entry names the earlier', () => {
    const unsigned = encodeEntryRecord(chain[4]?.body ?? new Uint8Array(), new Uint8Array(64));
    write([1], [...records.slice(0, 4), unsigned, ...records.slice(5)]);
    assert.equal(verifyLog(dir).fault, undefined);
    write([1], [...records.slice(0, 4), unsigned]);
    assert.match(verifyLog(dir).fault ?? '', /entry 5 of \S+ fails the check of its signature/);
  });

  it('of a newer format is refused', () => {
    write([1]);
    const file = path.join(dir, segmentName(1));
    const bytes = readFileSync(file);
    bytes[8] = 9;
    writeFileSync(file, bytes);
    refused(/segment format 9: this program reads 2/);
  });
});

describe('a data folder', () => {
  let original = '';
  let dir = '';
  const state = (): string => path.join(dir, 'groups/main/state.sqlite');
  const logFolder = (): string => path.join(dir, 'groups/main/log');

  async function withNode<T>(
    data: string,
    work: (c: Connection, program: Program) => Promise<T>,
    end: NodeJS.Signals = 'SIGTERM',
  ): Promise<T> {
    const program = startProgram(data);
    try {
      const port = await program.ready();
      const c = await mysql.createConnection({
        host: '127.0.0.1',
        port,
        user: 'root',
        password: ROOT_PASSWORD,
        multipleStatements: true,
      });
      c.on('error', () => undefined);
      const result = await work(c, program);
      c.destroy();
      return result;
    } finally {
      await program.kill(end);
    }
  }

  const content = (data: string): Promise<string> =>
    withNode(data, async (c) => {
      const queries = [
        'SELECT * FROM d.t ORDER BY id',
        'SELECT * FROM d.v',
        'SELECT * FROM d.words ORDER BY 1',
        "SET time_zone = '+00:00'; SELECT CAST(at AS CHAR), CAST(a AS CHAR), b, CAST(d AS CHAR) FROM d.moments",
        'SELECT CAST(day AS CHAR), said, CAST(second AS CHAR) FROM d.derived',
        'SELECT * FROM d.loose',
        'SHOW CREATE TABLE d.t',
        'SELECT user FROM mysql.user ORDER BY 1',
        'SELECT @@GLOBAL.wait_timeout',
      ];
      const answers: unknown[] = [];
      for (const sql of queries) answers.push((await c.query(sql))[0]);
      // The next number, without taking it.
      await c.query("BEGIN; INSERT INTO d.t (name) VALUES ('next'); ");
      answers.push((await c.query('SELECT max(id) FROM d.t'))[0]);
      return JSON.stringify(answers);
    });

  let expected = '';
  before(async () => {
    original = path.join(folder(), 'data');
    await withNode(original, async (c) => {
      await c.query('CREATE DATABASE d; USE d');
      await c.query(
        'CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL, n BIGINT, KEY (name))',
      );
      await c.query(
        'CREATE TABLE words (word VARCHAR(20) PRIMARY KEY, n DECIMAL(10,2)); CREATE VIEW v AS SELECT count(*) AS c FROM t',
      );
      await c.query("INSERT INTO t (name, n) VALUES ('a', 1), ('b', 2), ('c', 9007199254740993)");
      await c.query("INSERT INTO words VALUES ('x', 1.25), ('y', 2)");
      await c.query('UPDATE t SET n = n + 1; DELETE FROM t WHERE id = 2; UPDATE t SET id = 20 WHERE id = 3');
      await c.query(
        "ALTER TABLE t ADD extra INT DEFAULT 7; INSERT INTO t (name) VALUES ('d'); DELETE FROM t WHERE name = 'd'",
      );
      await c.query("CREATE TABLE moments (at TIME); INSERT INTO moments VALUES ('10:00')");
      await c.query(
        `SET timestamp = 1000000000, time_zone = '+05:00';
         ALTER TABLE moments MODIFY at DATETIME, ADD a DATETIME(2) DEFAULT CURRENT_TIMESTAMP(2), ADD b DATE DEFAULT (CURDATE());
         ALTER TABLE moments ADD c INT DEFAULT 1;
         SET timestamp = DEFAULT, time_zone = DEFAULT; ALTER TABLE moments ADD d TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6)`,
      );
      await c.query(
        `CREATE TABLE derived (at TIMESTAMP, day DATE AS (DATE(at)) STORED, said VARCHAR(30) AS (CONCAT(at)) STORED,
           late DATETIME(2), second DATETIME AS (late) STORED, CHECK (HOUR(at) > 19));
         SET time_zone = '+05:00', sql_mode = 'TIME_TRUNCATE_FRACTIONAL,ALLOW_INVALID_DATES';
         INSERT INTO derived (at, late) VALUES ('2024-05-05 01:00', '2024-05-05 01:00:00.98');
         SET time_zone = DEFAULT, sql_mode = DEFAULT`,
      );
      await c.query(
        'CREATE TABLE loose (u INT UNIQUE, n INT); INSERT INTO loose VALUES (1, 1), (2, 2); REPLACE INTO loose VALUES (1, 3); DELETE FROM loose WHERE n = 3',
      );
      await c.query("UPDATE words SET word = 'z' WHERE word = 'x'; CREATE USER u; SET PERSIST wait_timeout = 1234");
    });
    expected = await content(original);
  });

  beforeEach(() => {
    dir = path.join(folder(), 'data');
    cpSync(original, dir, { recursive: true });
  });

  const removeState = (): void => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(state() + suffix, { force: true });
  };

  it('without a state makes it anew', async () => {
    removeState();
    assert.equal(await content(dir), expected);
    // What a schema change made of the time is what it was then, where the client was.
    assert.match(expected, /"2001-09-09 10:00:00",[^,]*"2001-09-09 06:46:40.00"/);
    assert.ok(existsSync(state()));
  });

  it('with a truncated, empty or senseless state makes it anew', async () => {
    for (const spoil of [
      () => truncateSync(state(), 5000),
      () => writeFileSync(state(), ''),
      () => writeFileSync(state(), 'not a database at all, but text of some length. '.repeat(500)),
      () => writeFileSync(state(), Buffer.concat([readFileSync(state()).subarray(0, 100), Buffer.alloc(60_000, 0xa5)])),
    ]) {
      removeState();
      cpSync(path.join(original, 'groups/main/state.sqlite'), state());
      spoil();
      assert.equal(await content(dir), expected);
    }
  });

  it('with an old state catches up', async () => {
    const old = path.join(folder(), 'old.sqlite');
    copyFileSync(state(), old);
    await withNode(dir, async (c) => {
      await c.query(
        "INSERT INTO d.words VALUES ('new', 5); CREATE TABLE d.later (a INT PRIMARY KEY); INSERT INTO d.later VALUES (1)",
      );
    });
    removeState();
    copyFileSync(old, state());
    await withNode(dir, async (c) => {
      const [rows] = await c.query(
        "SELECT (SELECT n FROM d.words WHERE word = 'new') AS n, (SELECT a FROM d.later) AS a",
      );
      assert.deepEqual(rows, [{ n: '5.00', a: 1 }]);
    });
  });

  it('with the state of another history makes it anew', async () => {
    await withNode(dir, (c) => c.query("INSERT INTO d.words VALUES ('here', 1)"));
    const other = path.join(folder(), 'data');
    cpSync(original, other, { recursive: true });
    await withNode(other, (c) => c.query("INSERT INTO d.words VALUES ('there', 1)"));
    removeState();
    copyFileSync(path.join(other, 'groups/main/state.sqlite'), state());
    await withNode(dir, async (c) => {
      const [rows] = await c.query("SELECT word FROM d.words WHERE word LIKE '%here'");
      assert.deepEqual(rows, [{ word: 'here' }]);
    });
  });

  it('whose machine went down makes the state anew', async () => {
    await withNode(dir, (c) => c.query("INSERT INTO d.words VALUES ('kept', 1)"), 'SIGKILL');
    assert.ok(existsSync(`${state()}.open`));
    writeFileSync(`${state()}.open`, 'another boot\n');
    await withNode(dir, async (c, program) => {
      assert.match(program.err, /the machine went down/);
      assert.deepEqual((await c.query("SELECT n FROM d.words WHERE word = 'kept'"))[0], [{ n: '1.00' }]);
    });
    assert.equal(existsSync(`${state()}.open`), false);
  });

  it('whose log ends before the state is refused', async () => {
    const [name = ''] = readdirSync(logFolder());
    const records = [...readLog(logFolder())];
    truncateSync(path.join(logFolder(), name), records.at(-1)?.offset);
    const exit = await startProgram(dir).exit;
    assert.notEqual(exit.code, 0);
    assert.match(
      exit.err,
      /^p2pdb: the log in \S+ ends at block \d+, but the state has applied \d+: the end of the log was lost\. Restore the folder from a backup\.\n$/,
    );
  });

  it('whose log is damaged is refused', async () => {
    const [name = ''] = readdirSync(logFolder());
    const file = path.join(logFolder(), name);
    const bytes = readFileSync(file);
    bytes[200] = (bytes[200] ?? 0) ^ 4;
    writeFileSync(file, bytes);
    const exit = await startProgram(dir).exit;
    assert.notEqual(exit.code, 0);
    assert.match(exit.err, /^p2pdb: \S+ is damaged at byte 16, but whole entries follow: [^\n]*\n$/);
    const verify = await runProgram('log', 'verify', dir);
    assert.notEqual(verify.code, 0);
    assert.match(verify.out + verify.err, /damaged at byte 16/);
  });

  it('with a torn tail tells of it and goes on', async () => {
    const [name = ''] = readdirSync(logFolder());
    const records = [...readLog(logFolder())];
    removeState();
    truncateSync(path.join(logFolder(), name), (records.at(-1)?.offset ?? 0) + 50);
    await withNode(dir, async (c, program) => {
      assert.match(program.err, /cut short by a crash/);
      assert.deepEqual((await c.query('SELECT @@GLOBAL.wait_timeout AS t'))[0], [{ t: 28800 }]);
      assert.deepEqual((await c.query('SELECT c FROM d.v'))[0], [{ c: 2 }]);
    });
  });
});
