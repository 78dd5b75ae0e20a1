package cairn.server;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A short {@link KillLoop}. A longer one: {@code -Dcairn.kill.rounds=N}; the choices of another run:
 * {@code -Dcairn.kill.seed=N}.
 */
class KillLoopTest {
    private static final int ROUNDS = Integer.getInteger("cairn.kill.rounds", 10);
    private static final long SEED = Long.getLong("cairn.kill.seed", System.nanoTime() & 0xffff_ffffL);

    @TempDir
    Path folder;

    @Test
    void losesNothingThatWasAcknowledged() throws Exception {
        new KillLoop(ROUNDS, SEED, folder.resolve("data"), System.out).run();
    }
}
