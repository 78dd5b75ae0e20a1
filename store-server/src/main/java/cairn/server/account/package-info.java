/**
 * Who may do what: accounts, their keys, and the tickets that open an export.
 *
 * <p>Start at {@link cairn.server.account.Accounts}, and at {@link cairn.server.account.Access} for the rights. Always
 * true: a secret is shown once, when it is made, and nobody but {@code Access} compares owners.
 */
package cairn.server.account;
