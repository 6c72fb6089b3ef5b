/**
 * The relations of sys that clients read: one a line, its columns parted by '; ' (see definitions.ts for the short forms).
 */
export const SYS = String.raw`
version: sys_version varchar(5) collate utf8mb4_0900_ai_ci!=; mysql_version varchar(7)!=
sys_config: variable varchar(128) collate utf8mb4_0900_ai_ci!; value varchar(128) collate utf8mb4_0900_ai_ci; set_time timestamp=CURRENT_TIMESTAMP~DEFAULT_GENERATED on update CURRENT_TIMESTAMP; set_by varchar(128) collate utf8mb4_0900_ai_ci
`;
