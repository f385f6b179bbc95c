import { serve } from '../library/thread.ts'

serve()
