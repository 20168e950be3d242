// Package faults holds tests alone: they run real programs of Freshet on a real PostgreSQL, and kill,
// freeze, delay and cut off each of them. It has no code that anything could import.
//
// After each of them verify looks at the same promises:
//
//   - Every task that was acknowledged is stored.
//   - Each has ended, once and for good: its end is the last thing said of it.
//   - Attempts are numbered 1, 2, 3 …, and none began before the one before had ended.
//   - Events and output of a task are numbered without gaps and doubles; progress rises within an attempt.
//   - No task was finished by a stale attempt, and the effect of the attempt that finished it is in the
//     ledger, which the commands write, once. Effects of attempts that died before they could tell cannot
//     be prevented, by anyone; they are counted as extras. This is why a command is told its attempt.
//   - No owner is shown another's task.
//   - Five seconds after the end no process is left: a variable in its environment marks each.
//
// The sizes are for a minute or two on two cores; with -full they are those of "make chaos".
//
// TestZombie is also run with the build tag unfenced, in which workers' writes are not fenced: then it must
// find a task that was finished by a stale attempt, and twice, or the harness is worth nothing.
//
// Workers here die without a supervisor that tells how, but for TestTakeoverUnderDev: three deaths with
// evidence under one task fail it as worker_crashed, by design, and would be no fault.
//
// # Faults and their tests
//
//	fault                                           test
//	F1  kill -9 of workers at random                TestChaos
//	F2  a frozen worker wakes after it was reaped   TestZombie, TestChaos; postgres: TestReapedAttemptIsTakenOver
//	F3  kill -9 of API replicas during submits      TestKilledReplica
//	F4  kill -9 of PostgreSQL                       TestChaos, TestDatabaseIsAway
//	F5  all sessions terminated, over and over      TestSessionsAreTerminated; api: TestStreamsSurviveEverything
//	F6  black hole: worker, or API, to database     TestBlackHoledWorker, TestBlackHoledDatabase; api: TestDatabaseAway
//	F7  slow network that breaks connections        TestBadNetwork
//	F8  clock jumps of the database                 control: TestClockJumps. No other clock decides of a lease than
//	                                                monotonic ones, which do not jump
//	F9  disk full: the worker's                     runner: TestDiskFull. The database's own: TestDatabaseDiskFull
//	F10 more calls than connections                 TestManyWaitForTheDatabase
//	F14 API restarts under live streams             cmd/client: TestFollowARealTaskThroughARestart; api: TestStreamsSurviveEverything
//	F15 children that fork, ignore SIGTERM, setsid  process: TestKillOfAForest, TestHoppersAreCaught; cmd: TestCancelLeavesNoDescendant
//	F16 out of memory, signals, exit codes          process: TestMemoryLimit, TestSignals; runner: TestFailures, TestMemoryLimit
//	F17 huge lines, binary, a gigabyte of output    runner: TestHugeLine, TestBinaryOutput, TestGigabyteOfOutputInBoundedMemory
//	F20 one key submitted many times at once        api: TestOneKeyInParallelIsOneTask; postgres: TestSameKeyAtOnceIsOneTask
//	F21 cancel races with the end                   worker: TestCancelAtEveryInstant (2,000); postgres: TestCancelRacesWithEnd
//	F22 one of two control planes is frozen         TestFrozenReplica; a scheduler dies as it commits:
//	                                                control: TestEachTimeMakesOneTaskWhoeverDies; with a schedule in its
//	                                                hands: postgres: TestTickSkipsWhatAnotherHas, TestTickIsOneTransaction
//	F23 rolling upgrade                             no test: there is no earlier release; see docs/reliability.md
//	F25 kill -9 in a migration; backup and restore  migrations: TestKilledAtRandom, TestKilledWhileTheServerGoesOn;
//	                                                jobs/postgres: TestBackupIsWhole
//	    takeover, a machine of others               TestTakeoverFromAForeignMachine
//	    takeover, under a supervisor                TestTakeoverUnderDev; cmd: TestKilledWorkerIsTakenOver
package faults
