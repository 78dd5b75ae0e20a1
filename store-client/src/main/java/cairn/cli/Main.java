package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.client.DiskId;
import cairn.client.ResourceId;
import cairn.disk.DiskFormat;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.qemu.PortForward;
import cairn.sigv4.SigV4Exception;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code cairn}. */
@Command(
        name = "cairn",
        description = "Keeps machine images, every chunk once, and streams them to machines as they boot.",
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "The server is found by --endpoint or CAIRN_ENDPOINT, else by what a server on",
            "this machine wrote to its data folder. The access key is AWS_ACCESS_KEY_ID and",
            "AWS_SECRET_ACCESS_KEY, or in AWS_SHARED_CREDENTIALS_FILE, else in that folder.",
            "CAIRN_DATA names another data folder. CAIRN_DEBUG=1 shows where failures are.",
            "",
            "`cairn quickstart` shows it all with a server of its own."
        })
public final class Main implements Runnable {
    private final Terminal terminal;

    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    @Option(names = "--version", versionHelp = true, description = "show the version and end")
    private boolean isVersion;

    private Main(Terminal terminal) {
        this.terminal = terminal;
    }

    public static void main(String[] args) {
        System.exit(run(Terminal.ofProcess(), args));
    }

    /** Runs one command. @return its exit code: 0 done, 1 failed, 2 wrong usage */
    static int run(Terminal terminal, String... args) {
        PrintWriter out = new PrintWriter(terminal.out(), true);
        PrintWriter err = new PrintWriter(terminal.err(), true);
        try {
            int exitCode = commandLine(terminal, args)
                    .setOut(out)
                    .setErr(err)
                    .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
                    .setParameterExceptionHandler((e, ignored) -> wrongUsage(terminal, e))
                    .setExecutionStrategy(Main::execute)
                    .setExecutionExceptionHandler((e, command, ignored) -> failed(terminal, e))
                    .execute(args);
            out.flush();
            if (terminal.out().checkError() && exitCode == StoreCommand.DONE) {
                terminal.say("cairn: the result could not be written to standard output");
                return StoreCommand.FAILED;
            }
            return exitCode;
        } catch (Error e) {
            return failed(terminal, e);
        } finally {
            out.flush();
            err.flush();
        }
    }

    /** Making the models of all commands takes longer than most commands do: who names one needs no other. */
    private static CommandLine commandLine(Terminal terminal, String... args) {
        CommandLine cairn = new CommandLine(new Main(terminal));
        Map<String, Supplier<Object>> commands = commands(terminal);
        if (args.length > 0 && commands.containsKey(args[0])) {
            commands.keySet().retainAll(Set.of(args[0]));
        }
        commands.forEach((name, command) -> cairn.addSubcommand(name, command.get()));
        register(cairn, DiskId.class, DiskId::new);
        register(cairn, ResourceId.class, ResourceId::new);
        register(cairn, ImageId.class, ImageId::new);
        register(cairn, SnapshotId.class, SnapshotId::new);
        register(cairn, VolumeId.class, VolumeId::new);
        register(cairn, AccountId.class, AccountId::new);
        register(cairn, ChunkId.class, ExplainCommands::parse);
        register(cairn, Region.class, Region::new);
        register(cairn, ImageName.class, ImageName::new);
        register(cairn, Architecture.class, Architecture::parse);
        register(cairn, BootMode.class, BootMode::parse);
        register(cairn, DiskFormat.class, text -> named(DiskFormat.values(), text));
        register(cairn, PortForward.class, PortForward::parse);
        register(cairn, RunCommand.Accelerator.class, text -> named(RunCommand.Accelerator.values(), text));
        register(cairn, Codec.class, text -> named(Codec.values(), text));
        return cairn.setUsageHelpWidth(terminal.columns()).setAbbreviatedOptionsAllowed(false);
    }

    /** What there is, by name, in the order in which it is listed. */
    private static Map<String, Supplier<Object>> commands(Terminal terminal) {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("quickstart", () -> new QuickstartCommand(terminal));
        commands.put("serve", () -> new ServeCommand(terminal));
        commands.put("push", () -> new PushCommand(terminal));
        commands.put("pull", () -> new PullCommand(terminal));
        commands.put("verify", () -> new VerifyCommand(terminal));
        commands.put("images", () -> new ImagesCommand(terminal));
        commands.put("show", () -> new ShowCommand(terminal));
        commands.put("share", () -> new ShareCommand(terminal));
        commands.put("tag", () -> new TagCommand(terminal));
        commands.put("copy", () -> new CopyCommand(terminal));
        commands.put("rm", () -> new RemoveCommand(terminal));
        commands.put("diff", () -> new DiffCommand(terminal));
        commands.put("uri", () -> new UriCommand(terminal));
        commands.put("run", () -> new RunCommand(terminal));
        commands.put("volume", () -> group(new GroupCommand.Volumes())
                .addSubcommand(new VolumeCommands.Create(terminal))
                .addSubcommand(new VolumeCommands.ListAll(terminal))
                .addSubcommand(new VolumeCommands.Remove(terminal)));
        commands.put("snapshot", () -> group(new GroupCommand.Snapshots())
                .addSubcommand(new SnapshotCommands.Create(terminal))
                .addSubcommand(new SnapshotCommands.ListAll(terminal))
                .addSubcommand(new SnapshotCommands.Remove(terminal)));
        commands.put("image", () -> group(new GroupCommand.Images())
                .addSubcommand(new ImageCommands.Create(terminal)));
        commands.put("stats", () -> new StatsCommand(terminal));
        commands.put("gc", () -> new GcCommand(terminal));
        commands.put("explain", () -> group(new GroupCommand.Explains())
                .addSubcommand(new ExplainCommands.OfChunk(terminal))
                .addSubcommand(new ExplainCommands.OfImage(terminal))
                .addSubcommand(new ExplainCommands.OfSnapshot(terminal))
                .addSubcommand(new ExplainCommands.OfVolume(terminal))
                .addSubcommand(new ExplainCommands.OfAccount(terminal)));
        commands.put("backup", () -> new BackupCommand(terminal));
        commands.put("scrub", () -> new ScrubCommand(terminal));
        commands.put("fsck", () -> new FsckCommand(terminal));
        commands.put("account", () -> group(new GroupCommand.Accounts())
                .addSubcommand(new AccountCommands.Create(terminal))
                .addSubcommand(new AccountCommands.ListAll(terminal)));
        commands.put("key", () -> group(new GroupCommand.Keys())
                .addSubcommand(new KeyCommands.Create(terminal))
                .addSubcommand(new KeyCommands.ListAll(terminal))
                .addSubcommand(new KeyCommands.Disable(terminal))
                .addSubcommand(new KeyCommands.Enable(terminal))
                .addSubcommand(new KeyCommands.Delete(terminal)));
        return commands;
    }

    private static CommandLine group(Object commands) {
        return new CommandLine(commands);
    }

    /** What is malformed on the command line is wrong usage, whatever it would be elsewhere. */
    private static <T> void register(CommandLine cairn, Class<T> type, Function<String, T> parse) {
        ITypeConverter<T> converter = text -> {
            try {
                return parse.apply(text);
            } catch (StoreException e) {
                throw new TypeConversionException(e.getMessage());
            }
        };
        cairn.registerConverter(type, converter);
    }

    /** A constant by its name in lower case. */
    private static <E extends Enum<E>> E named(E[] constants, String text) {
        return Arrays.stream(constants)
                .filter(each -> each.name().toLowerCase(Locale.ROOT).equals(text))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        Fault.INVALID_REQUEST,
                        "\"" + Text.shown(text) + "\" is none of "
                                + Arrays.stream(constants)
                                        .map(each -> each.name().toLowerCase(Locale.ROOT))
                                        .collect(Collectors.joining(", "))));
    }

    /** Refuses unknown commands first, for the parser passes over them where help is asked for. */
    private static int execute(ParseResult parsed) {
        ParseResult last = parsed;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        CommandLine command = last.commandSpec().commandLine();
        if (isUnknownCommand(command, last.unmatched())) {
            throw new UnmatchedArgumentException(command, last.unmatched());
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    /** Whether words that a command does not know begin with the name of a command that it lacks. */
    private static boolean isUnknownCommand(CommandLine command, List<String> unmatched) {
        return !command.getSubcommands().isEmpty()
                && !unmatched.isEmpty()
                && !unmatched.get(0).isBlank()
                && !unmatched.get(0).startsWith("-");
    }

    /** {@code cairn} alone. */
    @Override
    public void run() {
        requireSubcommand(spec);
    }

    private static int wrongUsage(Terminal terminal, ParameterException e) {
        if (e instanceof MissingCommandException) {
            e.getCommandLine().usage(terminal.err());
            return StoreCommand.WRONG_USAGE;
        }
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        terminal.say("cairn: %s; see `%s --help`", lineOf(e).replaceAll("\\s*\\R\\s*", " "), command);
        return StoreCommand.WRONG_USAGE;
    }

    private static String lineOf(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unknown
                && isUnknownCommand(unknown.getCommandLine(), unknown.getUnmatched())) {
            CommandSpec holder = unknown.getCommandLine().getCommandSpec();
            String group = holder.parent() == null ? "" : holder.name() + ' ';
            return "there is no command " + group + Text.shown(unknown.getUnmatched().get(0));
        }
        // The parser doubles a word, and counts parameters in a way of its own.
        return String.valueOf(e.getMessage())
                .replaceFirst("^Value for option option ", "Value for option ")
                .replaceFirst("^(Invalid value for )positional parameter at index \\S+ \\(([^)]*)\\)", "$1$2");
    }

    private static int failed(Terminal terminal, Throwable failure) {
        Throwable why = Fault.cause(failure);
        if (terminal.isDebugging()) {
            why.printStackTrace(terminal.err());
        }
        terminal.say("cairn: %s", lineOf(terminal, why).replaceAll("\\s*\\R\\s*", " "));
        return StoreCommand.FAILED;
    }

    private static String lineOf(Terminal terminal, Throwable why) {
        if (why instanceof StoreException || why instanceof SigV4Exception) {
            return why.getMessage();
        }
        if (why instanceof OutOfMemoryError) {
            return "out of memory (" + why.getMessage()
                    + "); give Java more with CAIRN_JAVA_OPTIONS=-Xmx..., or fewer --workers";
        }
        if (why instanceof IOException) {
            return why.getMessage() == null ? why.getClass().getSimpleName() : why.toString();
        }
        return "a fault of ours: " + why + (terminal.isDebugging() ? "" : " (CAIRN_DEBUG=1 shows where)");
    }

    /** The version that the build wrote into the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            Properties build = new Properties();
            try (InputStream in = Main.class.getResourceAsStream("/META-INF/maven/cairn/store-client/pom.properties")) {
                if (in != null) {
                    build.load(in);
                }
            }
            return new String[] {"cairn " + build.getProperty("version", "(not from a jar)")};
        }
    }

    /** What a command that only groups others does by itself. */
    static void requireSubcommand(CommandSpec spec) {
        throw new MissingCommandException(spec.commandLine());
    }

    /** Answered with a list of the commands that there are. */
    private static final class MissingCommandException extends ParameterException {
        private static final long serialVersionUID = 1L;

        MissingCommandException(CommandLine command) {
            super(command, "Missing command");
        }
    }
}
