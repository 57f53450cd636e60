import tseslint from 'typescript-eslint'

const services = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler', 'miner-npm', 'cli']
const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Read the environment only in config.ts, through readEnv of #runtime/config.ts, and pass the values on.',
}
const otherServices = (own) => ({
  group: services
    .filter((name) => name !== own)
    .flatMap((name) => [`**/services/${name}/**`, `../${name}/**`, `../../${name}/**`]),
  message:
    'A service never imports another service: share through a topic, through Postgres, or move the code to services/runtime.',
})

export default tseslint.config(
  { ignores: ['node_modules', '.local', '.cache', 'schemas/generated'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['services/**/*.ts', 'schemas/**/*.ts', 'deploy/**/*.ts'],
    ignores: ['**/config.ts', '**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', environment] },
  },
  ...services.map((name) => ({
    files: [`services/${name}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: [otherServices(name)] }] },
  })),
  {
    files: ['services/runtime/**/*.ts', 'schemas/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [otherServices('')] }] },
  },
)
