/** The relations of the database p2pdb: one a line, its columns parted by '; ' (see definitions.ts for the short forms). */
export const P2PDB = String.raw`
conflicts: tx varchar(64) collate utf8mb4_0900_bin!; n int!; kind enum('rejected','dropped')!; reason varchar(32)!; message text; relation varchar(130); row_key text; image longtext; other_tx varchar(64); user varchar(288); statement longtext; time timestamp(3)!
equivocations: author char(64)!; member varchar(64); member_id char(64)!; decided timestamp(3)!; proof longtext!
hosts: database_name varchar(64)!; host varchar(64)!; self enum('NO','YES')!
members: name varchar(64)!; id char(64)!; voter enum('NO','YES')!; self enum('NO','YES')!; up enum('NO','YES')!; lag_entries bigint unsigned
moves: database_name varchar(64)!; awaits varchar(64)
`;
