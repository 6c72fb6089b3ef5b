import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, formatConfig, loadConfig, settingsHelp, settingsTable } from '../../../node/config/index.ts';

const files: Record<string, string> = {
  'a.yaml': 'mysql: 10.0.0.1:3307\nmax_connections: 7\nlocal_infile: true\nbootstrap: [a, b]\nlog: { format: json }\n',
};
const load = (argv: string[], env: Record<string, string> = {}, more: Record<string, string> = {}) =>
  loadConfig(argv, env, (file) => {
    const text = { ...files, ...more }[file];
    if (text === undefined) throw new Error('no such file');
    return text;
  });
const refuses = (message: RegExp, ...of: Parameters<typeof load>) =>
  assert.throws(
    () => load(...of),
    (error: Error) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/, 'one line');
      return true;
    },
  );

describe('settings', () => {
  it('come from defaults, file, environment and flags, the later before the earlier', () => {
    const { config, sources } = load(['--config', 'a.yaml', '--max-connections=9'], {
      P2PDB_MYSQL: '[::1]:3308',
      P2PDB_MAX_CONNECTIONS: '8',
      HOME: '/',
    });
    assert.deepEqual(config.mysql, { host: '::1', port: 3308 });
    assert.equal(config.maxConnections, 9);
    assert.equal(config.localInfile, true);
    assert.equal(config.logFormat, 'json');
    assert.deepEqual(config.bootstrap, ['a', 'b']);
    assert.deepEqual(config.http, { host: '127.0.0.1', port: 8080 });
    assert.equal(sources.maxConnections, 'flag --max-connections');
    assert.equal(sources.mysql, 'environment P2PDB_MYSQL');
    assert.equal(sources.localInfile, 'file a.yaml');
    assert.equal(sources.http, 'default');
  });

  it('are refused when they are wrong, with a line that says what and where', () => {
    refuses(
      /^setting max_connections: expected a whole number from 1 to 100000, got "many" \(from environment P2PDB_MAX_CONNECTIONS\)$/,
      [],
      { P2PDB_MAX_CONNECTIONS: 'many' },
    );
    refuses(/expected HOST:PORT/, ['--mysql', '3306']);
    refuses(/expected HOST:PORT/, ['--mysql', 'a:99999']);
    refuses(/one of text, json/, ['--log-format', 'xml']);
    refuses(/bytes/, ['--max-allowed-packet', '2G']);
    refuses(/needs a value/, ['--data']);
    refuses(/unexpected argument "x"/, ['x']);
    refuses(/cannot read the settings file b.yaml/, ['--config', 'b.yaml']);
    refuses(/not YAML/, ['--config', 'c'], {}, { c: 'a: [' });
    refuses(/keys and values/, ['--config', 'c'], {}, { c: '- a' });
    refuses(/belong together/, ['--tls-cert', 'x']);
    refuses(/not a flag/, ['--root-password', 'x']);
  });

  it('of a cluster name its members, each with a key, and voters among them', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    const { config } = load(['--name=db-0'], {
      P2PDB_MEMBERS: `db-0=${a},db-1=${b.toUpperCase()}`,
      P2PDB_VOTERS: 'db-1',
    });
    assert.deepEqual(config.members, [
      { name: 'db-0', id: a },
      { name: 'db-1', id: b },
    ]);
    assert.deepEqual(config.voters, ['db-1']);
    refuses(/^setting name: .*small letters/, ['--name', 'Db']);
    refuses(/^setting members: expected NAME=KEY/, ['--members', 'db-0=abc']);
    refuses(/^setting members: expected each name once/, ['--members', `x=${a},x=${b}`]);
    refuses(/^setting members: expected each key once/, ['--members', `x=${a},y=${a}`]);
    refuses(/^setting name: z is not among the members$/, ['--members', `x=${a}`, '--name', 'z']);
    refuses(/^setting voters: z is not among the members$/, ['--members', `x=${a}`, '--voters', 'x,z']);
  });

  it('that nobody knows are refused with the nearest known one', () => {
    refuses(/did you mean --max-connections\?/, ['--max-conections', '1']);
    refuses(/unknown setting "P2PDB_MYSQ" .*did you mean P2PDB_MYSQL\?/, [], { P2PDB_MYSQ: 'x' });
    refuses(/did you mean local_infile\?/, ['--config', 'c'], {}, { c: 'local_infil: true' });
    refuses(/^unknown setting "--zzzzzzzz" \(from command line\)$/, ['--zzzzzzzz', '1']);
  });

  it('are not confused by the variables of a Kubernetes Service of our name', () => {
    load([], {
      P2PDB_SERVICE_HOST: '10.0.0.1',
      P2PDB_SERVICE_PORT_MYSQL: '3306',
      P2PDB_PORT: 'tcp://10.0.0.1:3306',
      P2PDB_PORT_3306_TCP_ADDR: '10.0.0.1',
    });
  });

  it('are shown with where they came from, but for secrets', () => {
    const shown = formatConfig(load(['--max-allowed-packet', '16M'], { P2PDB_ROOT_PASSWORD: 'secret' }));
    assert.match(shown, /^max_allowed_packet: 16777216 +# flag --max-allowed-packet$/m);
    assert.match(shown, /^root_password: \*\*\* +# environment P2PDB_ROOT_PASSWORD$/m);
    assert.doesNotMatch(shown, /secret/);
    assert.match(settingsHelp(), /^ {2}--max-connections 1 to 100000 +Clients at most at a time\. \(1000\)$/m);
    assert.match(settingsTable(), /\| `max_connections` \| `P2PDB_MAX_CONNECTIONS` \| `--max-connections` \|/);
  });
});
