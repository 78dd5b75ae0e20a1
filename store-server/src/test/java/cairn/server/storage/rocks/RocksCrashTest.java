package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.Storage;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills a process that stores batches, again and again, and looks at what it leaves. */
class RocksCrashTest {
    private static final int ROUNDS = 8;
    private static final int BATCHES_AHEAD_MAX = 2;

    @TempDir
    Path temp;

    @Test
    void keepsWhatWasAcknowledgedWhenTheProcessIsKilled() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Progress progress = new Progress();

        for (int round = 0; round < ROUNDS; round++) {
            killWhileStoring(progress, 1 + random.nextInt(6), random.nextInt(40));

            try (Storage storage = RocksStorage.open(temp.resolve("data"))) {
                for (long batch = 0; batch <= progress.acknowledged; batch++) {
                    Batches.assertWhole(storage, batch);
                }
                for (int ahead = 1; ahead <= BATCHES_AHEAD_MAX; ahead++) {
                    Batches.assertNoRowWithoutData(storage, progress.acknowledged + ahead);
                }
                // The batch that was cut short is stored under the same names once more, as a client would.
                progress.acknowledged++;
                if (storage.catalog().find("batch/" + progress.acknowledged).isEmpty()) {
                    List<Row> rows = Batches.append(storage.segments(), progress.acknowledged);
                    progress.sawOrdinal(rows.get(0).ordinal(), "seed " + seed + ", round " + round);
                    storage.segments().abandon();
                    Batches.store(storage, progress.acknowledged);
                }
                Batches.assertWhole(storage, progress.acknowledged);
            }
        }
    }

    @Test
    void refusesASecondProcessAndNamesTheFirst() throws Exception {
        Process process = start(0);
        try (BufferedReader lines = process.inputReader()) {
            assertTrue(lines.readLine().startsWith("ordinals "));

            StoreException e = assertThrows(StoreException.class, () -> RocksStorage.open(temp.resolve("data")));

            assertEquals(Fault.CONFLICT, e.fault());
            assertTrue(e.getMessage().contains("process " + process.pid()), e.getMessage());
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static final class Progress {
        private long acknowledged = -1;
        private long lastOrdinal;

        void sawOrdinal(long ordinal, String when) {
            assertTrue(ordinal > lastOrdinal, ordinal + " was given after " + lastOrdinal + ", " + when);
            lastOrdinal = ordinal;
        }
    }

    private void killWhileStoring(Progress progress, int batches, int moreMillis) throws IOException, InterruptedException {
        Process process = start(progress.acknowledged + 1);
        try (BufferedReader lines = process.inputReader()) {
            long until = progress.acknowledged + batches;
            while (progress.acknowledged < until) {
                take(lines.readLine(), progress);
            }
            // A random moment of the work that goes on, not a wait for anything.
            process.waitFor(moreMillis, TimeUnit.MILLISECONDS);
            // Through its handle: the process itself would close the pipe, with what it said last.
            process.toHandle().destroyForcibly();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                take(line, progress);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static void take(String line, Progress progress) {
        String[] words = line.split(" ");
        if (words.length == 4 && words[0].equals("ordinals") && words[3].equals(".")) {
            progress.sawOrdinal(Long.parseLong(words[1]), line);
            progress.lastOrdinal = Long.parseLong(words[2]);
        } else if (words.length == 3 && words[0].equals("acknowledged") && words[2].equals(".")) {
            progress.acknowledged = Long.parseLong(words[1]);
        }
    }

    private Process start(long batch) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp", System.getProperty("java.class.path"),
                        Storing.class.getName(), temp.resolve("data").toString(), Long.toString(batch))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** The process that is killed: stores batch after batch and says so, each line ended by a dot. */
    static final class Storing {
        private Storing() {}

        public static void main(String[] args) {
            try (Storage storage = RocksStorage.open(Path.of(args[0]))) {
                for (long batch = Long.parseLong(args[1]); ; batch++) {
                    List<Row> rows = Batches.append(storage.segments(), batch);
                    say("ordinals " + rows.get(0).ordinal() + " " + rows.get(rows.size() - 1).ordinal() + " .");
                    storage.segments().seal();
                    storage.index().putAll(rows);
                    Batches.commit(storage, batch);
                    say("acknowledged " + batch + " .");
                }
            }
        }

        private static void say(String line) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
