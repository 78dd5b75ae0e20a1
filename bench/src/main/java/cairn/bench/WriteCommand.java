package cairn.bench;

import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine.Command;

/** How fast blocks of a disk are written. */
@Command(
        name = "write",
        description = "Let fio and nbdcopy write blocks at a throw-away server, nbdkit and qemu-nbd, in turns; print"
                + " how many requests or MB each does in a second. Needs fio, nbdcopy and qemu-img; servers that are"
                + " not installed are left out, and named.")
final class WriteCommand extends BlocksCommand {
    WriteCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    List<Subject> subjectsOf(Subjects subjects, String transport) {
        return subjects.writing(transport);
    }

    @Override
    List<NbdWork> works() {
        return NbdWork.WRITES;
    }

    @Override
    List<NbdWork> coldWorks() {
        return List.of();
    }
}
