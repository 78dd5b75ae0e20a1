package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn account}. */
final class AccountCommands {
    private AccountCommands() {}

    @Command(name = "create", description = "Create an account; the last line of the output is its id.")
    static final class Create extends StoreCommand {
        @Parameters(paramLabel = "NAME", description = "for people")
        private String name;

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            Messages.Account account = client.createAccount(name);
            if (isJson) {
                printJson(account);
            } else {
                terminal.say("created an account; `cairn key create --account %s` gives it a key", account.id());
                terminal.out().println(account.id());
            }
            return DONE;
        }
    }

    @Command(name = "list", description = "List accounts.")
    static final class ListAll extends ListCommand<Messages.Account> {
        ListAll(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<Messages.Account> read(StoreClient client) {
            return client.accounts();
        }

        @Override
        Table table() {
            return new Table("ID", "NAME", "STATE", "CREATED");
        }

        @Override
        void addRow(Table table, Messages.Account account) {
            table.row(account.id(), account.name(), account.state(), account.createdAt());
        }
    }
}
