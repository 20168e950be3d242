// Package attacks holds tests alone: they attack real programs of Freshet, over TCP and by what a command
// prints, and they hold the table below, which says which test answers which attack, in this package or in
// another. "make test/attacks" runs the tests that it names, and TestTable fails when one of them does not
// exist. Nothing is dialled but loopback; addresses of elsewhere are tried at the hook that would dial them.
//
// Tests of the SDK are in TypeScript, and run by "make test/ui".
//
// # Attacks and their tests
//
//	S1  another's id, on every route and method
//	      api: TestStrangersGetNothing, TestTokenReadsAndNothingElse, TestTokenOfSomeTasks
//	S2  the stream of another's task; a reader who is shut out in the middle. A task cannot change its owner
//	      api: TestStreamHeadersAndRefusals, TestRevokedReaderLosesItsStreams
//	S3  the place in another's stream, negative, in the future, no number
//	      api: TestPlaceInAnothersStream, TestStreamHeadersAndRefusals
//	S4  a cursor that was changed, or is of another owner or list
//	      api: TestCursorsAreBound, FuzzCursor
//	S5  fields that only Freshet sets, in filters and bodies, in any case
//	      api: TestFieldsThatAreNotTaken, TestBadIDsAndParameters
//	S6  a worker writes for an attempt that is not its own. Workers have the database, and no key of the API
//	      jobs/postgres: TestStaleWritesChangeNothing, TestClaimAndEndRecogniseThemselves
//	S7  a JWT that is forged, of another algorithm, key, issuer or audience, expired, huge
//	      api/issuer: TestAttacks, TestAlgorithmConfusion, TestUselessKeys, TestUnknownKeysAreAskedForOnceAMinute
//	      api: TestRefusedJWTs, TestTokenCannotBeMade
//	S8  a credential that ends while its stream is open
//	      api: TestStreamEndsWithItsJWT, TestTokenEnds, TestRevokedReaderLosesItsStreams
//	S9  a credential in an address, a log, an error, a Referer
//	      attacks: TestLogCannotBeWrittenByStrangers
//	      api: TestKeys, TestSignaturesStayOutOfTheLog, TestAuditLogHoldsNoSecretsAndNoTricks, TestHeadersOfEveryAnswer
//	      api: TestCodeOfALinkIsNotSentBefore
//	      jobs/webhook: TestErrorsDoNotShowTheURL, TestSecretsAreNotShown
//	      jobs/secret: TestKeyStaysOutOfLogs
//	S10 login: which names there are, a thousand tries, long and odd passwords
//	      api: TestLoginTellsNothingByItsTime, TestTriesAreLimited, TestTriesOfOneAddressAreLimited, TestRefusedLogins
//	      api: TestPasswordsInNormalForms
//	S11 arguments that would be flags, are empty, long, hold NUL or newlines
//	      jobs/kind: TestArguments, TestArgumentLength, TestNULFromTheInput, FuzzArguments
//	      jobs/process: TestArgumentsPassVerbatim
//	S12 variables from a request: no field takes them. Those of freshet.yaml are the operator's choice
//	      api: TestFieldsThatAreNotTaken, TestBadSubmits
//	      jobs/process: TestEnvironmentIsWhatWasGiven
//	      jobs/runner: TestEnvironmentIsWhatWasNamed
//	S13 a command or folder from a request: no field takes them. Those of freshet.yaml are the operator's choice
//	      api: TestFieldsThatAreNotTaken, TestBadSubmits
//	      jobs/process: TestNotStarted, TestCommandIsFoundFromDir
//	S14 files that lead elsewhere: links, second names, pipes, devices, too many, names that deceive
//	      jobs/runner: TestRefusedArtifacts, TestTamperedEventFile, TestWorkingFolder
//	      config: TestASchemaFileOutsideTheFolder
//	S15 a download that a browser would run, or whose name makes headers
//	      api: TestDownloadsAreNeverShown, TestSignedAddressesCannotBeChanged
//	S16 bombs of gzip and of archives
//	      api: TestOnlyPlainJSONIsRead
//	      jobs/webhook: TestGzipBombIsKeptShut
//	      jobs/runner: TestRouteFailures
//	      jobs/postgres/embedded: TestUnpackStaysInside, TestWrongArchiveIsRefused
//	S17 output that steers terminals, or looks like a result, an event, a log line, a page
//	      attacks: TestHostileOutput
//	      cmd: TestVisible, TestLine, TestOnlyATerminalIsGuarded
//	      jobs/runner: TestHugeLine, TestBinaryOutput, TestGigabyteOfOutputInBoundedMemory, TestBadLinesAreNamed, FuzzEventFile
//	S18 a secret in pieces, in base64, in an address
//	      jobs/redact: TestForms, TestBase64, TestStreamHoldsBack, FuzzStream
//	      jobs/runner: TestSecretsStayInTheWorker, TestSecretsAreNotSpooled, TestRouteSecrets
//	S19 newlines in what a stream tells
//	      api: FuzzFrame, TestStreamOfALife
//	S20 JSON that is deep, long, ambiguous, not alone, not UTF-8
//	      api: TestBadSubmits
//	      jobs/document: TestCheckRefuses, TestStrictRefuses, FuzzCheck
//	S21 NUL, in every field of every operation
//	      api: TestHostileValues, TestBadSubmits, TestBadIDsAndParameters
//	S22 numbers that are short to write and long to read
//	      api: TestBadSubmits, TestHostileValues
//	      jobs/document: TestCheckRefuses
//	S23 ids that are none
//	      api: TestBadIDsAndParameters
//	S24 tags, metadata and keys that are too long for an index
//	      api: TestBadSubmits, TestHostileValues, TestLimitsAreNotTooTight
//	S25 a task that is too long for a notification: they hold ids alone
//	      jobs/postgres: TestHintIsWhatRiverSends
//	      api: TestLimitsAreNotTooTight
//	S26 times without end, negative delays, a schedule of every second
//	      api: TestBadSubmits, TestWrongSchedules, TestSchedulesOfAnOwner
//	      jobs/cron: TestRefusals
//	S27 a request that is hidden in another
//	      attacks: TestSmuggling
//	      api: TestSmuggledRequestsGetNoAnswer
//	S28 Host and X-Forwarded-* that are not true
//	      api: TestHostIsNotBelieved, TestClientAddress
//	S29 headers and bodies that never end, readers who do not read
//	      attacks: TestSlowHeaders
//	      api: TestSlowBodyIsCutOff, TestUnreadBodyIsCutOff, TestAFrozenReaderHarmsNobody
//	S30 one owner with thousands of streams, tasks, bytes
//	      api: TestStreamsOfOneOwnerAreCounted, TestRateOfAnOwner, TestOpenTasksOfAnOwner, TestBytesOfAnOwner
//	      api: TestRefusalsCannotFillTheAuditLog
//	      jobs/worker: TestAFloodDelaysNobody
//	S31 webhooks into the network of the server, by spelling, by DNS, by redirect
//	      jobs/webhook: TestBadURLs, TestSpecialAddressesAreRefused, TestWrappedAddressesAreRefused, TestPorts, TestOnlyTCP
//	      jobs/webhook: TestRebinding, TestRedirectsAreNotFollowed, FuzzCheckURL
//	S32 receivers of webhooks that answer without end, slowly, in gzip
//	      jobs/webhook: TestHostileReceivers, TestEndlessAnswerIsCut, TestGzipBombIsKeptShut, TestHugeHeaderOfHTTP2
//	S33 a webhook that is replayed, changed, or signed with an old secret
//	      jobs/webhook: TestVerify, TestNoDotInID, TestHeadersCannotForge
//	      ui/sdk/test/webhooks.test.ts, ui/sdk/test/delivery.test.ts
//	S34 pages of other origins
//	      api: TestOtherPagesCannotUseTheSession, TestCORS, TestCORSOfAnyPort, TestSessionCookieOfHTTPS
//	S35 scripts in what pages show. There is no console yet
//	      api: TestPagesRunNoScript, TestDownloadsAreNeverShown
//	S36 SQL in every text; fields to sort by
//	      api: TestSQLIsText, TestHostileValues, TestBadIDsAndParameters
//	S37 requests that write the log
//	      attacks: TestLogCannotBeWrittenByStrangers
//	      api: TestRequestIDs, TestAuditLogHoldsNoSecretsAndNoTricks
//	S38 a hostile repository: there is no kind yet that runs an agent in one
//	S39 a command reads its worker's environment, memory and files
//	      jobs/process: TestConceal, TestAnotherUser, TestAnotherUserIsBarred
//	      jobs/process: TestSandboxOfFiles, TestSandboxOpens, TestSandboxIsInherited, TestSandboxOfProcesses
//	      jobs/process: TestSandboxesAreClosedToEachOther, TestSandboxOfAnotherUser, TestSandboxOfAWorkerThatIsNotRoot, TestCapabilitiesInASandbox
//	      jobs/process: TestSandboxOfTheNetwork, TestSandboxOfSockets, TestNoSandboxNoCommand
//	      jobs/process/sandbox: TestFilters, TestOldKernelsAreRefused, TestSystemHoldsNoSecrets
//	      jobs/runner: TestSpoolIsClosedToAnotherUser, TestProjectIsClosedToAnotherUser, TestArtifactsOfAnotherUser
//	      jobs/runner: TestSandboxedCommand, TestCommandWithoutASandbox, TestSandboxedCommandOfAnotherUser
//	      jobs/runner: TestProgramsInASandbox, TestBrowserInASandbox, TestSandboxIsRefused
//	      cmd: TestRootWorkerHasToBeTold, TestChildUser, TestSystemdUnits
//	      cmd: TestSandboxedRun, TestWorkerRefusesASandboxThatCannotBe
//	S40 a command that forks, fills the memory or the disk, or looks around in the network
//	      jobs/process: TestKillOfAForest, TestHoppersAreCaught, TestAnotherUsersTreeIsKilled, TestMemoryLimit
//	      jobs/process: TestTheForkBomb, TestForkBombs, TestForkBombsBelowTheLimit, TestThreadsCount, TestOpenFiles
//	      jobs/process: TestSandboxOfTheNetwork, TestSandboxedTreeIsKilled
//	      jobs/runner: TestProcessLimit, TestDiskLimit, TestDiskBelowTheLimit, TestDiskFull, TestRefusedArtifacts
//	      cmd: TestSystemdUnits
//	S41 addresses and ports that were forgotten; versions and stack traces
//	      attacks: TestNothingElseIsServed, TestOpenPorts
//	      api: TestHeadersOfEveryAnswer, TestPanicsSayNothing, TestMetrics
//	S42 another owner's idempotency key; the same key for something else, which is answered 409
//	      api: TestIdempotency
//	      jobs/postgres: TestIdempotencyKeys
//	S43 floods of HTTP/2, which is not spoken; of connections
//	      attacks: TestOnlyHTTP1
//	      api: TestOnlyHTTP1IsServed, TestConnectionsFromOtherAddresses, TestConnectionsOfOneAddressAreCounted
//	      api: TestConnectionsAreCountedOnce, TestWhomAConnectionCountsFor
//	S44 a user who is deleted, with what still runs
//	      api: TestDeletedUserLeavesNothingRunning, TestChangedUserIsShutOut, TestLogoutEndsTokens
//	      jobs/postgres: TestSignInRacesWithChange
//
// # What is open
//
//   - S17: carriage returns reach a terminal, since progress bars are made of them: a line can overwrite
//     itself. So do characters that turn the direction of writing.
//   - S27: no proxy comes with Freshet, and none was tried in front of it. A body in chunks is the last
//     request of its connection, so that a proxy that reads it otherwise finds nothing behind it.
//   - S39: a kind without a sandbox, which is the default: commands of one user see each other's workspaces and
//     processes, root's see everything, and they reach the network of their worker, and with it a cloud's metadata
//     address, which the units of systemd bar. In a sandbox UDP is open unless there is no network at all, and so are
//     sockets in the file system; modes of files that its user owns can be changed; package sandbox has the list.
//   - S40: Freshet limits neither, without a sandbox, where a command connects, nor what it writes outside of its
//     workspace, to files without a name or in folders that it closed to its worker. A container can. Where no
//     control group of version 2 can be made, a fork bomb is killed within a second or so, and not stopped before.
//   - S43: connections of proxies and of the same machine are not counted; a proxy in front counts. Of many
//     addresses together, the file descriptors of the process are the limit.
package attacks
