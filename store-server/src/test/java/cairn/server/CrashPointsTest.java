package cairn.server;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Some of all {@link CrashPoints}. More of them: {@code -Dcairn.crash.points=N}. */
class CrashPointsTest {
    private static final int POINTS = Integer.getInteger("cairn.crash.points", 5);

    @TempDir
    Path folder;

    @Test
    void losesNothingWhereverItIsCutShort() throws Exception {
        Tools.require(CrashPoints.TRACER);
        Tools.requireThat(
                Tools.run(CrashPoints.TRACER, "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync", "true").status() == 0,
                "processes can not be traced here");
        new CrashPoints(folder.resolve("crash"), System.out).runSome(POINTS);
    }
}
