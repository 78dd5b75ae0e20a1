package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Does work at an NBD server's URI, by fio and nbdcopy, and says how fast that went. */
final class NbdMeasure {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Path disk;
    private final long sizeBytes;
    private final int seconds;

    /**
     * How fast one run was.
     *
     * @param perSecond requests of fio; MB of nbdcopy
     * @param p50Micros half of the requests took no longer; absent for nbdcopy
     * @param p99Micros likewise
     */
    record Figure(double perSecond, Double p50Micros, Double p99Micros) {}

    /**
     * @param folder for what the programs say
     * @param disk what nbdcopy writes
     * @param seconds that one run of fio takes
     */
    NbdMeasure(Path folder, Path disk, int seconds) throws IOException {
        this.folder = folder;
        this.disk = disk;
        this.sizeBytes = Files.size(disk);
        this.seconds = seconds;
    }

    Figure run(NbdWork work, String uri) {
        return work.isCopy() ? copy(work, uri) : fio(work, uri);
    }

    /** Has everything read once, so that whatever the server caches is cached. */
    void warmUp(String uri) {
        Programs.run(folder, "nbdcopy", uri, "null:");
    }

    private Figure fio(NbdWork work, String uri) {
        List<String> command = new ArrayList<>(List.of(
                "fio", "--name=work", "--ioengine=nbd", "--uri=" + uri, "--size=" + sizeBytes, "--time_based",
                "--runtime=" + seconds, "--output-format=json"));
        command.addAll(work.fio());
        JsonNode job;
        String said = Programs.run(folder, command.toArray(String[]::new));
        try {
            // What fio warns of comes before the JSON.
            job = JSON.readTree(said.substring(Math.max(0, said.indexOf("{\n")))).path("jobs").path(0);
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "fio said what is no JSON: " + e.getMessage(), e);
        }
        JsonNode side = job.path(work.isWriting() ? "write" : "read");
        if (job.path("error").asInt(1) != 0 || side.path("total_ios").asLong() == 0) {
            throw new StoreException(Fault.INTERNAL, "fio has done nothing at " + uri + ": " + job.path("error"));
        }
        JsonNode percentiles = side.path("clat_ns").path("percentile");
        return new Figure(
                side.path("iops").asDouble(),
                percentiles.path("50.000000").asDouble() / 1e3,
                percentiles.path("99.000000").asDouble() / 1e3);
    }

    private Figure copy(NbdWork work, String uri) {
        long start = System.nanoTime();
        if (work.isWriting()) {
            Programs.run(folder, "nbdcopy", "--flush", disk.toString(), uri);
        } else {
            Programs.run(folder, "nbdcopy", uri, "null:");
        }
        return new Figure(sizeBytes / 1e6 / ((System.nanoTime() - start) / 1e9), null, null);
    }
}
