// drizzle-kit: `npm run db:generate` writes a migration from src/store/engine/tables.ts.
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/store/engine/tables.ts',
  out: './drizzle',
});
