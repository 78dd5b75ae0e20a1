package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code cairn bench}. Results go to stdout, prose to stderr. */
@Command(
        name = "cairn bench",
        description = "Measures Cairn on this machine.",
        synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    private Main() {}

    public static void main(String[] args) {
        System.exit(run(stream(FileDescriptor.out), stream(FileDescriptor.err), args));
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    /** Runs one command. @return its exit code: 0 done, 1 failed, 2 wrong usage */
    static int run(PrintStream out, PrintStream err, String... args) {
        return new CommandLine(new Main())
                .addSubcommand(new BootCommand(out, err))
                .addSubcommand(new IngestCommand(out, err))
                .addSubcommand(new DedupCommand(out, err))
                .addSubcommand(new ReadCommand(out, err))
                .addSubcommand(new StormCommand(out, err))
                .addSubcommand(new WriteCommand(out, err))
                .addSubcommand(new CorpusCommand(out, err))
                .addSubcommand(new EbsCommand(out, err))
                .addSubcommand(new ChangesCommand(out, err))
                .addSubcommand(new AccountingCommand(out, err))
                .addSubcommand(new MarkCommand(out, err))
                .addSubcommand(new ReclaimCommand(out, err))
                .addSubcommand(new SettleCommand(out, err))
                .addSubcommand(jmh())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
                .setParameterExceptionHandler((e, ignored) -> wrongUsage(err, e))
                .setExecutionExceptionHandler((e, command, ignored) -> failed(err, e))
                .execute(args);
    }

    /** Every word behind {@code jmh}, whatever it looks like, is JMH's. */
    private static CommandLine jmh() {
        return new CommandLine(new JmhCommand())
                .setUnmatchedOptionsArePositionalParams(true)
                .setStopAtPositional(true)
                .setExpandAtFiles(false);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    private static int wrongUsage(PrintStream err, ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        err.println("cairn: " + lineOf(String.valueOf(e.getMessage())) + "; see `" + command + " --help`");
        return WRONG_USAGE;
    }

    private static int failed(PrintStream err, Exception failure) {
        Throwable why = Fault.cause(failure);
        if ("1".equals(System.getenv("CAIRN_DEBUG"))) {
            why.printStackTrace(err);
        }
        boolean isExpected = why instanceof StoreException || why instanceof IOException;
        String message = why instanceof StoreException ? why.getMessage() : why.toString();
        err.println("cairn: " + lineOf(isExpected ? message : "a fault of ours: " + message));
        return FAILED;
    }

    private static String lineOf(String message) {
        return message.replaceAll("\\s*\\R\\s*", " ");
    }
}
