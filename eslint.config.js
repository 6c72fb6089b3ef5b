import tseslint from 'typescript-eslint';

const PURE = ['node/sql/**', 'node/log/**', 'node/consistency/**', 'node/consensus/**', 'node/sync/**'];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'bin/**', '*.js', '*.cjs', '*.mjs', 'test/clients/**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    // node:test's describe() and it() return promises that the runner itself awaits.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  {
    // The core is pure: time, randomness and I/O come in through ports, and nothing in it waits.
    files: PURE.map((p) => `${p}/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'fetch',
          'process',
          'Buffer',
          'performance',
          'crypto',
        ].map((name) => ({
          name,
          message: 'The core is pure: take it as a port.',
        })),
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='Date'][property.name='now']",
          message: 'The core has no clock: take the time as an argument.',
        },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'The core has no clock: take the time as an argument.',
        },
        {
          selector: "MemberExpression[object.name='Math'][property.name='random']",
          message: 'The core has no randomness: take it as a port.',
        },
        { selector: ':function[async=true]', message: 'The core does not wait: return effects instead.' },
        { selector: 'AwaitExpression', message: 'The core does not wait: return effects instead.' },
      ],
    },
  },
);
