// Runs one of the programs beside this file: node main.cjs NAME.
const { DB_HOST: host, DB_PORT, DB_USER: user, DB_PASSWORD: password } = process.env;

require(`./${process.argv[2]}.cjs`)({ host, port: Number(DB_PORT), user, password, database: 'test' }).then(
  () => console.log('ok'),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
