package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.Tools;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bytes are counted, not time. The bounds are a quarter above what was counted. */
class NbdAllocationTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "4096, 20000, 520",
        "65536, 5000, 460",
        "1048576, 500, 3400",
    })
    void aReadOfWhatIsCachedAllocatesLittle(int lengthBytes, int requests, long bytesMax) throws Exception {
        // Looking for leaks notes where each buffer came from, which is more than all else.
        String printed = Tools.run(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dio.netty.leakDetection.level=disabled",
                        "-Xmx512m",
                        "-cp", System.getProperty("java.class.path"),
                        NbdAllocation.class.getName(),
                        folder.toString(), Integer.toString(lengthBytes), Integer.toString(requests)))
                .success();

        long allocatedBytes = Long.parseLong(printed.lines().reduce((first, last) -> last).orElseThrow().strip());
        assertTrue(
                allocatedBytes > 0 && allocatedBytes <= bytesMax,
                () -> allocatedBytes + " bytes were allocated for each read of " + lengthBytes);
    }
}
