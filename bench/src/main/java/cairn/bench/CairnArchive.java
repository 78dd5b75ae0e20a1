package cairn.bench;

import cairn.bench.MeasuredProgram.Used;
import cairn.cli.Sizes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Cairn: a server, and for each disk a client of its own, as a user would run them. Both count. */
final class CairnArchive implements Archive {
    private final MeasuredServer server;
    private final MeasuredProgram client;
    private final Map<Integer, String> images = new HashMap<>();

    CairnArchive(Path folder) {
        this.server = MeasuredServer.open(folder, List.of());
        this.client = new MeasuredProgram(folder, Map.of());
    }

    /** Has the launcher build and prepare what it does at a first use, which is not for a measurement to wait for. */
    static void prepare(Path folder) {
        List<String> words = new ArrayList<>(CairnProgram.client("push"));
        words.add("--help");
        new MeasuredProgram(folder, Map.of()).run(words);
    }

    @Override
    public Used put(Path disk, int number) {
        Used used = run("push", disk.toString(), "--name", "disk " + number);
        String[] lines = client.said().strip().split("\n");
        images.put(number, lines[lines.length - 1]);
        return used;
    }

    @Override
    public Restored get(Path disk, int number, Path folder) {
        Path file = folder.resolve("pulled.raw");
        return new Restored(run("pull", images.get(number), file.toString()), file);
    }

    private Used run(String command, String... arguments) {
        List<String> words = new ArrayList<>(CairnProgram.client(command));
        words.addAll(List.of("--data", server.dataFolder().toString()));
        words.addAll(List.of(arguments));
        Duration cpuBefore = server.cpu();
        server.forgetPeakMemory();
        Used used = client.run(words);
        return used.with(Sizes.secondsOf(server.cpuWhenIdle().minus(cpuBefore)), server.peakMemoryBytes());
    }

    @Override
    public Path repository() {
        return server.dataFolder();
    }

    @Override
    public void close() {
        server.close();
    }
}
