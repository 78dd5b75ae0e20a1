package cairn.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Runs JMH with the benchmarks of this jar; what it forks finds them by this process's class path. */
@Command(
        name = "jmh",
        description = "Run the small benchmarks: all, or those whose names match; `jmh -h` shows JMH's own options,"
                + " `jmh -l` lists the benchmarks, `-prof gc` shows what a call allocates.")
final class JmhCommand implements Callable<Integer> {
    @Parameters(paramLabel = "ARGS", arity = "0..*", description = "for JMH")
    private List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        // Ends the process itself where something fails.
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
        return 0;
    }
}
