package cairn.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that measures something, says on stderr how far it is, and prints in the end what it found. */
abstract class MeasuringCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    // Behind the command's own options.
    @ArgGroup(order = 1)
    private Form form = new Form();

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end", order = 2)
    private boolean isHelp;

    @Spec
    private CommandSpec spec;

    MeasuringCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public final Integer call() throws IOException {
        form.print(measure(), out);
        return 0;
    }

    /** Refuses what makes no sense before anything is started; leaves nothing behind but what was asked for. */
    abstract Report measure() throws IOException;

    final void say(String format, Object... values) {
        err.println(String.format(Locale.ROOT, format, values));
    }

    /** To be thrown for options that were given wrongly. */
    final ParameterException wrong(String why) {
        return new ParameterException(spec.commandLine(), why);
    }
}
