// Adds up a batch of invoices.

const cents = (amount) => Math.round(amount * 100);

/** Totals `{invoices: [{number, status, gross}]}`; gives counts, the sum, and the numbers of those that failed. */
export const handler = async ({ invoices }) => {
  const priced = invoices.filter((invoice) => invoice.status === "PRICED");
  const failed = invoices.filter((invoice) => invoice.status !== "PRICED");
  return {
    priced: priced.length,
    gross: priced.reduce((sum, invoice) => sum + cents(invoice.gross), 0) / 100,
    failed: failed.map((invoice) => invoice.number),
  };
};
